// Python's virtual environments for the tests' tools: the machine's own, or Debian's where it may be installed.
import { installPackages, mayInstall, updatePackageLists } from "./packages.mjs";
import { Failure, output, tail } from "./process.mjs";

/** Makes sure of a Python that can make virtual environments with pip; returns its command. */
export function ensurePython({ install }) {
  const works = () => output("python3", ["-c", "import ensurepip, venv; print('yes')"]) === "yes";
  if (works()) return "python3";
  const fix = "apt-get install python3-venv, as root";
  if (!mayInstall(install)) throw new Failure("Python", "python3 can't make virtual environments", fix);
  updatePackageLists();
  const installed = installPackages("python3-venv");
  if (installed.status !== 0 || !works()) throw new Failure("Python", tail(installed.stderr, 2), fix);
  return "python3";
}
