// npm run destroy: removes a stack, and its data only when that is asked for and confirmed.
import { createInterface } from "node:readline/promises";
import { readArguments } from "./arguments.mjs";
import { clearStaleLock } from "./interrupted.mjs";
import { checkPassphrase, readPulumi, runPulumi, selectStack } from "./pulumi-run.mjs";
import { Failure, output, run, tail } from "./setup/process.mjs";
import { root, setUp } from "./setup/setup.mjs";
import { checkoutOf, projectName, useHostOf } from "./setup/stack-config.mjs";
import { fail, wrongUse } from "./setup/terminal.mjs";

const usage = `Removes a stack. Data that the stack protects stays, and the next \`npm run up\` finds it again.

  npm run destroy -- <stack> [--yes] [--with-data] [--confirm=<stack>]

  --yes              don't ask
  --with-data        remove the data too: names each volume and asks for the stack's name
  --confirm=<stack>  the stack's name, where there is no terminal to ask at

Example: npm run destroy -- dev --yes`;

try {
  const { stack, flags } = readArguments(process.argv.slice(2), { usage, flags: ["--yes", "--with-data", "--confirm="] });
  if (!process.stdin.isTTY && !flags.yes) wrongUse("no terminal to ask at; fix: add --yes", usage);
  useHostOf(stack);
  const pulumi = setUp({ stack, install: false, images: false, withoutPulumi: `where Compose runs the stack, npm run compose -- ${stack} down` });
  clearStaleLock(root, stack);
  selectStack(pulumi);
  const name = JSON.parse(readPulumi(pulumi, ["config", "--stack", stack, "--json"]))[`${projectName()}:name`]?.value ?? projectName();
  const volumes = dataVolumes(pulumi.docker, `${name}-${stack}`, stack);
  if (flags["with-data"]) {
    await confirm(stack, volumes, flags.confirm);
    readPulumi(pulumi, ["state", "unprotect", "--all", "--yes", "--stack", stack]);
  }
  const keep = flags["with-data"] ? [] : ["--exclude-protected"];
  const code = await runPulumi(pulumi, ["destroy", "--stack", stack, ...keep, ...(flags.yes ? ["--yes", "--skip-preview"] : [])]);
  if (code !== 0) {
    checkPassphrase(pulumi);
    process.exit(1);
  }
  if (flags["with-data"]) removeVolumes(pulumi.docker, volumes);
  const kept = present(pulumi.docker, volumes);
  // The next `up` on what is kept has its images at hand.
  if (kept.length === 0) removeImages(pulumi.docker, name, stack);
  report(stack, kept);
} catch (error) {
  fail(error);
}

/** The volumes with data, and the one that says whose they are; by name, for a stack that is gone already has no outputs. */
function dataVolumes(docker, prefix, stack) {
  const all = output(docker.command, [...docker.arguments, "volume", "ls", "--format", "{{.Name}}"]).split("\n");
  const ours = all.filter(
    (name) => name.startsWith(`${prefix}-`) && /^-(postgres-\d+-data|media-data|backups|acme-state|owner)$/.test(name.slice(prefix.length)),
  );
  if (ours.length === 0) return [];
  const label = output(docker.command, [
    ...docker.arguments,
    ...["volume", "inspect", "--format", '{{index .Labels "django-stack.checkout"}}', `${prefix}-owner`],
  ]);
  // No container uses that one: pruning takes it first.
  if (label === "" && checkoutOf(stack) !== undefined)
    throw new Failure("volumes", `nothing says whose ${ours.join(", ")} are`, `npm run up -- ${stack}, which says so again or names the way to`);
  if (label !== checkoutOf(stack))
    throw new Failure("volumes", `${ours.join(", ")} belong to another checkout (${label || "unknown"})`, "remove them from that checkout");
  return ours;
}

function present(docker, names) {
  return names.filter((name) => run(docker.command, [...docker.arguments, "volume", "inspect", name]).status === 0);
}

async function confirm(stack, volumes, given) {
  process.stdout.write(`\nThis removes for good:\n${volumes.map((name) => `  ${name}`).join("\n")}\n`);
  let answer = given;
  if (answer === undefined && process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    answer = await terminal.question(`Type the stack's name (${stack}) to go on: `);
    terminal.close();
  }
  if (answer !== stack)
    throw new Failure(
      "destroy",
      `got ${JSON.stringify(answer ?? "")} in place of the stack's name; nothing was touched`,
      `type ${stack}, or give --confirm=${stack}`,
    );
}

function removeVolumes(docker, volumes) {
  for (const name of present(docker, volumes)) {
    const removal = run(docker.command, [...docker.arguments, "volume", "rm", name]);
    if (removal.status !== 0) throw new Failure("volumes", tail(removal.stderr, 1), `docker volume rm ${name}`);
  }
}

/** Removes the images that were built for a stack; one that a container uses stays. */
function removeImages(docker, name, stack) {
  // By their names: not every Dockerfile takes the labels that it is given.
  const repositories = [`${name}-${stack}-django`, `${name}-${stack}-backup-image`].flatMap((repository) => ["--filter", `reference=${repository}`]);
  const listed = output(docker.command, [...docker.arguments, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", ...repositories]).split("\n");
  const tagged = listed.filter((reference) => reference !== "" && !reference.includes("<none>"));
  if (tagged.length > 0) run(docker.command, [...docker.arguments, "image", "rm", ...tagged]);
  const labels = Object.entries({ name, stack }).flatMap(([key, value]) => ["--filter", `label=django-stack.${key}=${value}`]);
  run(docker.command, [...docker.arguments, "image", "prune", "--force", ...labels]);
}

function report(stack, kept) {
  if (kept.length === 0) return process.stdout.write(`\nNothing of stack ${stack} is left.\n`);
  process.stdout.write(`
Kept, for the next \`npm run up -- ${stack}\`:
${kept.map((name) => `  ${name}`).join("\n")}
To remove them too: npm run destroy -- ${stack} --with-data
`);
}
