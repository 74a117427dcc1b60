// The npm packages of the lock file, and a Node.js that can read TypeScript.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareVersions } from "./versions.mjs";
import { Failure, output, run, tail } from "./process.mjs";

/** The oldest Node.js that runs TypeScript as it is. */
export const oldestNode = "22.18.0";

/** Installs the packages when the lock file isn't the installed one; returns what it did. */
export function ensurePackages(root) {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  const lock = createHash("sha256").update(text).digest("hex");
  const stamp = join(root, "node_modules", ".django-stack-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return "as in package-lock.json";
  if (!existsSync(stamp) && isInstalled(root, text)) {
    writeFileSync(stamp, lock);
    return "as in package-lock.json, installed by hand";
  }
  const install = run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root, timeoutSeconds: 900 });
  if (install.status !== 0) throw new Failure("npm packages", tail(install.stderr, 5), "npm ci");
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stamp, lock);
  return "installed by npm ci";
}

/** Whether somebody's own `npm ci` has installed just these packages; those of other systems are left out there. */
function isInstalled(root, lock) {
  const list = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(list)) return false;
  const wanted = Object.entries(JSON.parse(lock).packages ?? {}).filter(([path]) => path !== "");
  const installed = JSON.parse(readFileSync(list, "utf8")).packages ?? {};
  return (
    wanted.every(([path, { integrity, optional }]) => (path in installed ? installed[path].integrity === integrity : optional === true)) &&
    Object.keys(installed).every((path) => wanted.some(([other]) => other === path))
  );
}

/** Returns the folder of a recent enough Node.js, the one that runs this or the `node` package's, and its version. */
export function ensureNode(root) {
  if (compareVersions(process.versions.node, oldestNode) >= 0) return { folder: undefined, version: process.versions.node };
  const folder = join(root, "node_modules", ".bin");
  const own = join(folder, "node");
  let version = output(own, ["--version"]).replace(/^v/, "");
  if (version === "") {
    // npm may have left the package's install script out.
    const script = run(process.execPath, ["installArchSpecificPackage"], { cwd: join(root, "node_modules", "node"), timeoutSeconds: 300 });
    version = output(own, ["--version"]).replace(/^v/, "");
    if (version === "") {
      throw new Failure(
        "Node.js",
        `got ${process.versions.node}; needed: ${oldestNode} or newer, and npm's node package didn't bring one: ${tail(script.stderr, 2)}`,
        "install Node.js 24, from nodejs.org or your system's packages",
      );
    }
  }
  return { folder, version };
}
