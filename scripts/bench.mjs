// npm run bench: measures, and writes bench/results/; what this machine can't measure is named with its reason.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUpDocker, setUpNode, setUpPulumi } from "./setup/setup.mjs";
import { fail } from "./setup/terminal.mjs";

try {
  const environment = setUpNode();
  setUpDocker();
  let pulumi;
  try {
    pulumi = setUpPulumi(environment);
  } catch (error) {
    if (error?.name !== "Failure") throw error;
    process.stderr.write(`${error.message}\n`);
  }
  const variables = { ...environment, ...pulumi?.environment, DJANGO_STACK_TEST_PULUMI: pulumi?.command ?? "" };
  process.exitCode =
    spawnSync(join(root, "node_modules", ".bin", "vitest"), ["run", "--project", "bench"], { cwd: root, env: variables, stdio: "inherit" }).status ??
    1;
} catch (error) {
  fail(error);
}
