import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";

/** Returns a file of the user's own; undefined where it can't be read. */
export function readOwnFile(value: string, folder: string): string | undefined {
  const path = resolve(folder, value);
  return existsSync(path) && statSync(path).isFile() ? readFileSync(path, "utf8") : undefined;
}

/** Returns a PEM text that is given as such, or as the path of its file; undefined where that can't be read. */
export function readPem(value: string | undefined, folder: string): string | undefined {
  if (value === undefined || value.includes("-----BEGIN ")) return value;
  return readOwnFile(value, folder);
}
