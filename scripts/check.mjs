// npm run check: types, lint, format and unit tests; no Docker.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUpNode } from "./setup/setup.mjs";
import { fail } from "./setup/terminal.mjs";

try {
  const environment = setUpNode();
  const bin = (name) => join(root, "node_modules", ".bin", name);
  const checks = [
    ["types", bin("tsc"), ["-p", "."]],
    ["lint", bin("eslint"), ["."]],
    ["format", bin("prettier"), ["--check", "--log-level", "warn", "."]],
    ["unit tests", bin("vitest"), ["run", "--project", "unit"]],
  ];
  let failed = 0;
  for (const [name, command, args] of checks) {
    process.stderr.write(`\n${name}\n`);
    if (spawnSync(command, args, { cwd: root, env: environment, stdio: "inherit" }).status !== 0) failed++;
  }
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  fail(error);
}
