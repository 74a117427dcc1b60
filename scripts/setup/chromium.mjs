// A browser for the tests, and the tool that writes its store of authorities: the machine's own, or Debian's where they may be installed.
import { installPackages, mayInstall, updatePackageLists } from "./packages.mjs";
import { Failure, output, tail } from "./process.mjs";

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
  if (!mayInstall(install)) throw new Failure(step, "none is on PATH", fix);
  updatePackageLists();
  const installed = installPackages(from);
  if (installed.status !== 0) throw new Failure(step, tail(installed.stderr, 2), fix);
  return path(programs[0]);
}
