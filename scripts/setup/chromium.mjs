// A browser for the tests: the machine's own, or Debian's where it may be installed.
import { existsSync, readFileSync } from "node:fs";
import { Failure, output, run, tail } from "./process.mjs";

/** Returns the path of a Chromium. */
export function ensureChromium({ install }) {
  const found = ["chromium", "chromium-browser", "google-chrome"]
    .map((name) => output("sh", ["-c", `command -v ${name}`]))
    .find((path) => path !== "");
  if (found !== undefined) return found;
  const debian = existsSync("/etc/os-release") && /^ID(_LIKE)?=.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
  if (!install || !debian || process.getuid?.() !== 0) throw new Failure("Chromium", "none is on PATH", "apt-get install chromium, as root");
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update"], { timeoutSeconds: 300, env: environment });
  const installed = run("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], { timeoutSeconds: 600, env: environment });
  if (installed.status !== 0) throw new Failure("Chromium", tail(installed.stderr, 2), "apt-get install chromium, as root");
  return output("sh", ["-c", "command -v chromium"]);
}
