// npm run bench: measures, and writes bench/results/; what this machine can't measure is named with its reason.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUpDocker, setUpNode } from "./setup/setup.mjs";
import { fail, wrongUse } from "./setup/terminal.mjs";
import { setUpTestPulumi } from "./test-pulumi.mjs";

const usage = `Measures this machine's stack beside a compose project written by hand.

  npm run bench                 rebuild, a fresh stack, idle memory, and what changes nothing
  npm run bench:rollout         failed requests and latency for each kind of change, under 200 requests a second
  npm run bench:edge            nginx beside a plain one: handshakes, static files, the cache; Django through it and beside it
  npm run bench:data            backups of a gigabyte and their proof beside pg_dump and pg_restore, the site meanwhile, Postgres' settings

Example: npm run bench:rollout`;

const benches = ["stack", "rollout", "edge", "data"];
const [bench = "stack", ...rest] = process.argv.slice(2);
if (bench === "--help") {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
if (!benches.includes(bench) || rest.length > 0) wrongUse(`${[bench, ...rest].join(" ")}: unknown; allowed: ${benches.join(", ")}`, usage);

try {
  const environment = setUpNode();
  setUpDocker();
  let pulumi;
  try {
    pulumi = setUpTestPulumi(environment);
  } catch (error) {
    if (error?.name !== "Failure") throw error;
    process.stderr.write(`${error.message}\n`);
  }
  const variables = { ...environment, ...pulumi?.variables };
  const vitest = join(root, "node_modules", ".bin", "vitest");
  process.exitCode =
    spawnSync(vitest, ["run", "--project", "bench", `bench/${bench}.ts`], { cwd: root, env: variables, stdio: "inherit" }).status ?? 1;
} catch (error) {
  fail(error);
}
