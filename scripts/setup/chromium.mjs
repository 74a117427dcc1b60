// A browser for the tests, and the tool that writes its store of authorities: the machine's own, or Debian's where they may be installed.
import { existsSync, readFileSync } from "node:fs";
import { Failure, output, run, tail } from "./process.mjs";

/** Returns the path of a Chromium. */
export function ensureChromium({ install }) {
  return ensure({ step: "Chromium", programs: ["chromium", "chromium-browser", "google-chrome"], from: "chromium", install });
}

/** Returns the path of NSS' certutil. */
export function ensureCertutil({ install }) {
  return ensure({ step: "certutil", programs: ["certutil"], from: "libnss3-tools", install });
}

function ensure({ step, programs, from, install }) {
  const path = (name) => output("sh", ["-c", `command -v ${name}`]);
  const found = programs.map(path).find((name) => name !== "");
  if (found !== undefined) return found;
  const fix = `apt-get install ${from}, as root`;
  const debian = existsSync("/etc/os-release") && /^ID(_LIKE)?=.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
  if (!install || !debian || process.getuid?.() !== 0) throw new Failure(step, "none is on PATH", fix);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update"], { timeoutSeconds: 300, env: environment });
  const installed = run("apt-get", ["install", "-y", "--no-install-recommends", from], { timeoutSeconds: 600, env: environment });
  if (installed.status !== 0) throw new Failure(step, tail(installed.stderr, 2), fix);
  return path(programs[0]);
}
