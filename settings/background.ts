import { asCpus, asFlag, asMegabytes, asObject, asText, listOf, refuse, wholeNumber } from "../allowed-values.ts";
import { setting } from "./setting.ts";

/** A process of the app that answers no requests. */
export interface BackgroundProcess {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly replicas: number;
  /** Whether never two of it may run at once, old and new ones either. */
  readonly alone: boolean;
  readonly cpus: number;
  /** MiB. */
  readonly memory: number;
  /** Connections to the database that one replica may hold. */
  readonly connections: number;
  /** How long it may take to end what it is doing, in seconds. */
  readonly stopSeconds: number;
}

type Parse<T> = (value: unknown) => T;

const keys: { readonly [Key in keyof BackgroundProcess]: { readonly allowed: string; readonly parse: Parse<BackgroundProcess[Key]> } } = {
  command: { allowed: "a list of texts, the program first", parse: asCommand },
  replicas: { allowed: "a whole number from 1 to 32", parse: orDefault(1, wholeNumber(1, 32)) },
  alone: { allowed: "true, false", parse: orDefault(false, asFlag) },
  cpus: { allowed: "a number of CPUs from 0.1 to 256", parse: orDefault(1, asCpus) },
  memory: { allowed: "a size such as 512m or 2g, 64m or more", parse: orDefault(512, asMegabytes) },
  connections: { allowed: "a whole number from 0 to 1000", parse: orDefault(4, wholeNumber(0, 1000)) },
  stopSeconds: { allowed: "a whole number from 1 to 3600", parse: orDefault(30, wholeNumber(1, 3600)) },
};

/** What of the app runs beside the replicas that answer requests. */
export const backgroundSettings = setting<Readonly<Record<string, BackgroundProcess>>>(
  "Processes of the app that answer no requests, such as a task queue's workers: docs/background.md.",
  `names of 1 to 20 lower-case letters, digits and inner hyphens, each with { ${Object.keys(keys).join(", ")} }`,
  {},
  {},
  asBackgroundProcesses,
);

function asBackgroundProcesses(value: unknown): Readonly<Record<string, BackgroundProcess>> {
  const entries = Object.entries(asObject(value)).map(([name, given]) => {
    if (!/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/.test(name)) refuse(`rename ${JSON.stringify(name)}`);
    return [name, asBackgroundProcess(name, given)] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function asBackgroundProcess(name: string, value: unknown): BackgroundProcess {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(`give ${name} an object with a command`);
  const given = asObject(value);
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(keys, key));
  if (unknown.length > 0) refuse(`remove ${unknown.join(", ")} from ${name}`);
  const values = Object.entries(keys).map(([key, { allowed, parse }]) => {
    try {
      return [key, parse(given[key])];
    } catch {
      return refuse(`set ${name}.${key} to ${allowed}`);
    }
  });
  const process = Object.fromEntries(values) as BackgroundProcess;
  return process.alone && process.replicas > 1 ? refuse(`set ${name}.replicas to 1, or ${name}.alone to false`) : process;
}

function asCommand(value: unknown): readonly string[] {
  const words = listOf((word) => asText(typeof word === "number" ? String(word) : word))(value);
  return words.length === 0 || words.some((word) => word.includes("\0")) ? refuse() : words;
}

function orDefault<T>(byDefault: T, parse: Parse<T>): Parse<T> {
  return (value) => (value === undefined ? byDefault : parse(value));
}
