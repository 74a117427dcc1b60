// npm run up: the set-up, then `pulumi up` of a stack, then its URLs.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDevelopment, readArguments } from "./arguments.mjs";
import { clearStaleLock, removeOrphans } from "./interrupted.mjs";
import { readPulumi, runPulumi, selectStack } from "./pulumi-run.mjs";
import { root, setUp } from "./setup/setup.mjs";
import { fail, step } from "./setup/terminal.mjs";

const usage = `Brings a stack up, or up to date.

  npm run up -- [stack] [--yes] [--no-install]

  stack         default: dev
  --yes         don't ask; a development stack, or no terminal, means it already
  --no-install  install no system package, fail instead

Example: npm run up -- prod --yes`;

try {
  const { stack, flags } = readArguments(process.argv.slice(2), { usage, flags: ["--yes", "--no-install"], defaultStack: "dev" });
  const pulumi = setUp({ install: !flags["no-install"] });
  clearStaleLock(root, stack);
  selectStack(pulumi, stack);
  const checkoutFile = join(root, ".state", "checkout");
  if (existsSync(checkoutFile)) {
    const state = JSON.parse(readPulumi(pulumi, ["stack", "export", "--stack", stack]));
    const orphans = removeOrphans(pulumi.docker, { stack, checkout: readFileSync(checkoutFile, "utf8").trim(), state });
    if (orphans.length > 0) step("interrupted", `removed what an interrupted command made and couldn't record: ${orphans.join(", ")}`);
  }
  const asks = process.stdin.isTTY && !flags.yes && !isDevelopment(stack);
  const code = await runPulumi(pulumi, ["up", "--stack", stack, ...(asks ? [] : ["--yes", "--skip-preview"])]);
  if (code !== 0) process.exit(1);
  const outputs = JSON.parse(readPulumi(pulumi, ["stack", "output", "--stack", stack, "--json"]));
  process.stdout.write(`\n${urls(outputs)}\n`);
} catch (error) {
  fail(error);
}

function urls(outputs) {
  const named = { site: "url", admin: "adminUrl", API: "apiUrl", runserver: "devServerUrl" };
  return Object.entries(named)
    .filter(([, key]) => outputs[key] !== undefined)
    .map(([name, key]) => `${name.padEnd(10)} ${outputs[key]}`)
    .join("\n");
}
