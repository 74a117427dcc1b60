/** How one value of the config is read: what is allowed in words, the default of each environment, and what it is for. */
export interface Setting<T> {
  /** The allowed values, in words, as error messages and the README print them. */
  readonly allowed: string;
  /** Default in dev and in prod; a function computes it from the name of the stack's objects; undefined stands for "none". */
  readonly dev: T | ((name: string) => T);
  readonly prod: T | ((name: string) => T);
  /** One sentence for the README's table. */
  readonly about: string;
  /** Returns the value, or throws an Error whose message is what to do about it ("" when `allowed` says it all). */
  readonly parse: (value: unknown) => T;
}

type Default<T> = T | ((name: string) => T);

/** Describes one key. */
export function setting<T>(about: string, allowed: string, dev: Default<T>, prod: Default<T>, parse: (value: unknown) => T): Setting<T> {
  return { about, allowed, dev, prod, parse };
}
