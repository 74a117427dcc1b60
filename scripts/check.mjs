// npm run check: types, lint, format and unit tests; no Docker.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUpNode } from "./setup/setup.mjs";
import { fail, wrongUse } from "./setup/terminal.mjs";
import { startStaticChecks } from "./static-checks.mjs";

const usage = `Checks types, lint and format, and runs the unit tests. Needs no Docker.

Example: npm run check`;

try {
  const words = process.argv.slice(2);
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  if (words.length > 0) wrongUse(`${words.join(" ")}: unknown; it takes no words`, usage);
  const environment = setUpNode();
  const codes = [];
  for (const { name, ended } of startStaticChecks(environment)) {
    const { code, output } = await ended;
    process.stderr.write(`\n${name}\n${output}`);
    codes.push(code);
  }
  process.stderr.write("\nunit tests\n");
  const vitest = join(root, "node_modules", ".bin", "vitest");
  codes.push(spawnSync(vitest, ["run", "--project", "unit"], { cwd: root, env: environment, stdio: "inherit" }).status);
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
} catch (error) {
  fail(error);
}
