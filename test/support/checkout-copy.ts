import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";

const root = join(import.meta.dirname, "../..");

/** A stack's file. */
const stackFile = /^Pulumi\.[^/]+\.yaml$/;

/**
 * Copies the checkout's files, those not yet committed too, to a folder that isn't there yet; the npm packages are shared. The stacks' files, which
 * hold what whoever works here has set, and whether Pulumi has run them, have nothing but the environment there.
 */
export function copyCheckout(folder: string): void {
  if (existsSync(folder)) return;
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" }).trim().split("\n");
  for (const file of files.filter((name) => !stackFile.test(name) && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  for (const environment of ["dev", "prod"]) writeStackFile(join(folder, `Pulumi.${environment}.yaml`), { environment });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}

/** Writes a stack's file, but for the line that the first `up` by Pulumi has put there. */
export function writeStackFile(path: string, config: Readonly<Record<string, unknown>>): void {
  const salt = saltOf(path);
  const keys = Object.fromEntries(Object.entries(config).map(([key, value]) => [`django-stack:${key}`, value]));
  writeFileSync(path, `${stringify({ config: keys })}${salt === undefined ? "" : `${salt}\n`}`);
}

/** Returns that line; undefined where Pulumi doesn't know the stack yet. */
export function saltOf(path: string): string | undefined {
  return existsSync(path) ? /^encryptionsalt: .*$/m.exec(readFileSync(path, "utf8"))?.[0] : undefined;
}
