import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shortHash } from "./labels.ts";

/** Returns an id of every migration under a folder, so that a mounted source's new migration runs the release job again. */
export function sourceMigrations(folder: string): string {
  const files = globSync("**/migrations/*.py", { cwd: folder }).sort();
  return shortHash(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}
