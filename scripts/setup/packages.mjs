// Debian's and Ubuntu's own packages, where they may be installed.
import { existsSync, readFileSync } from "node:fs";
import { run } from "./process.mjs";

/** Whether this is Debian, or what comes from it. */
export function isDebian() {
  return existsSync("/etc/os-release") && /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** Whether system packages may be installed: as root on Debian or what comes from it. */
export function mayInstall(install) {
  return install && isDebian() && process.getuid?.() === 0;
}

/** The environment in which apt asks no question. */
export const aptEnvironment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };

/** Fetches the newest lists of packages. */
export function updatePackageLists() {
  run("apt-get", ["update"], { timeoutSeconds: 300, env: aptEnvironment });
}

/** Installs packages and nothing that they only recommend; returns `{ status, stderr }`. */
export function installPackages(...names) {
  return run("apt-get", ["install", "-y", "--no-install-recommends", ...names], { timeoutSeconds: 600, env: aptEnvironment });
}
