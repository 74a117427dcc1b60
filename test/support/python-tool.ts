import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Installs a package of PyPI into a virtual environment of its own under a folder; returns the folder of its programs. */
export function installPythonTool(folder: string, requirement: string): string {
  const environment = join(folder, requirement.split("==")[0]);
  execFileSync("python3", ["-m", "venv", environment]);
  execFileSync(join(environment, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", requirement]);
  return join(environment, "bin");
}
