/** Returns a line of the error that refuses a config: where, the value got, the values allowed, the fix. */
export function problem(path: string, value: unknown, allowed: string, fix = "", noun = "value"): string {
  const got = noun === "key" ? "unknown key" : `got ${JSON.stringify(value)}`;
  return `${path}: ${got}; allowed: ${allowed}${fix === "" ? "" : `; fix: ${fix}`}`;
}
