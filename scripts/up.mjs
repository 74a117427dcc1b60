// npm run up: the set-up, then `pulumi up` of a stack, then its URLs.
import { readArguments } from "./arguments.mjs";
import { composeFolder, composeUp, readOutputs, setUpCompose, writeProject } from "./compose/project.mjs";
import { clearStaleLock, findOrphans, removeOrphans } from "./interrupted.mjs";
import { checkPassphrase, readPulumi, runPulumi, selectStack } from "./pulumi-run.mjs";
import { root, setUp } from "./setup/setup.mjs";
import { checkoutOf, isDevelopment, nameOf, useHostOf } from "./setup/stack-config.mjs";
import { sharesState } from "./setup/state.mjs";
import { ask, fail, step } from "./setup/terminal.mjs";

const usage = `Brings a stack up, or up to date.

  npm run up -- [stack] [--yes] [--compose] [--no-install]

  stack         default: dev
  --yes         don't ask; a development stack, or no terminal, means it already
  --compose     by Docker Compose instead of Pulumi: no preview, no roll-out without failed requests; see docs/compose.md
  --no-install  install no system package, fail instead

Example: npm run up -- prod --yes`;

try {
  const { stack, flags } = readArguments(process.argv.slice(2), { usage, flags: ["--yes", "--compose", "--no-install"], defaultStack: "dev" });
  useHostOf(stack);
  const asks = process.stdin.isTTY && !flags.yes && !isDevelopment(stack);
  if (flags.compose) await upByCompose(stack, { asks, install: !flags["no-install"] });
  else await upByPulumi(stack, { asks, install: !flags["no-install"] });
} catch (error) {
  fail(error);
}

async function upByPulumi(stack, { asks, install }) {
  const pulumi = setUp({ stack, install, withoutPulumi: `npm run up -- ${stack} --compose` });
  clearStaleLock(root, stack);
  selectStack(pulumi);
  const checkout = checkoutOf(stack);
  if (checkout !== undefined) {
    const state = JSON.parse(readPulumi(pulumi, ["stack", "export", "--stack", stack]));
    const orphans = findOrphans(pulumi.docker, { name: nameOf(stack), stack, checkout, state });
    const names = orphans.map(({ name }) => name).join(", ");
    if (sharesState(root, process.env)) {
      if (orphans.length > 0)
        step("interrupted", `no state knows ${names}: another machine may be making them; where none is, docker rm --force them`);
    } else {
      removeOrphans(pulumi.docker, orphans);
      if (orphans.length > 0) step("interrupted", `removed what an interrupted command made and couldn't record: ${names}`);
    }
  }
  const code = await runPulumi(pulumi, ["up", "--stack", stack, ...(asks ? [] : ["--yes", "--skip-preview"])]);
  if (code !== 0) {
    checkPassphrase(pulumi);
    process.exit(1);
  }
  const outputs = JSON.parse(readPulumi(pulumi, ["stack", "output", "--stack", stack, "--json"]));
  process.stdout.write(`\n${urls(outputs)}\n`);
}

async function upByCompose(stack, { asks, install }) {
  const environment = setUpCompose({ stack, install });
  const folder = composeFolder(stack);
  if (asks && !(await ask(`Bring ${stack} up by Compose? What changed is replaced at once, without a preview.`))) process.exit(1);
  await writeProject(stack, folder, { environment, runner: "compose" });
  await composeUp(folder, environment);
  process.stdout.write(`\n${urls(readOutputs(folder))}\n`);
}

function urls(outputs) {
  const named = { site: "url", admin: "adminUrl", API: "apiUrl", runserver: "devServerUrl" };
  return Object.entries(named)
    .filter(([, key]) => outputs[key] !== undefined)
    .map(([name, key]) => `${name.padEnd(10)} ${outputs[key]}`)
    .join("\n");
}
