// npm run compose: a stack as a Compose project, and Docker Compose on it.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { requireStack } from "./arguments.mjs";
import { compose, composeFolder, setUpCompose, afterUp, passGatesFirst, writeProject } from "./compose/project.mjs";
import { ensureCompose } from "./setup/compose.mjs";
import { root, setUpNode } from "./setup/setup.mjs";
import { useHostOf } from "./setup/stack-config.mjs";
import { fail, step, wrongUse } from "./setup/terminal.mjs";

const usage = `Writes a stack as a Compose project, or runs Docker Compose on it. Pulumi isn't needed.

  npm run compose -- [stack] export [--out DIR]
  npm run compose -- [stack] up|down|logs|ps|... [arguments of docker compose]

  stack      default: dev
  --out DIR  folder to write to; default: docker-compose/<stack>

Examples: npm run compose -- prod export --out ../movies-compose
          npm run compose -- dev up --detach --wait
          npm run compose -- dev logs --follow django-0`;

/** Docker Compose's commands that start from the newest declaration, and whether they touch the Docker host. */
const writing = { up: "compose", create: "compose", run: "compose", build: "export", config: "export", pull: "export" };

/** The others. */
const reading =
  "attach commit cp down events exec images kill logs ls pause port ps push restart rm start stats stop top unpause version volumes wait watch".split(
    " ",
  );

try {
  const words = process.argv.slice(2);
  if (words.length === 0 || words[0] === "--help" || words[0] === "-h") {
    process.stdout.write(`${usage}\n`);
    process.exit(words.length === 0 ? 2 : 0);
  }
  const known = ["export", ...Object.keys(writing), ...reading];
  const named = !known.includes(words[0]) || existsSync(join(root, `Pulumi.${words[0]}.yaml`));
  const [stack, command, ...further] = named ? words : ["dev", ...words];
  requireStack(stack, usage);
  useHostOf(stack);
  if (!known.includes(command)) wrongUse(`${command ?? "no command"}: unknown; allowed: ${known.join(", ")}`, usage);
  if (command === "export") await exportOnly(stack, further);
  else process.exitCode = await pass(stack, [command, ...further]);
} catch (error) {
  fail(error);
}

async function exportOnly(stack, words) {
  const [flag, value] = words[0]?.split(/=(.*)/s) ?? [];
  const out = flag === "--out" ? (value ?? words[1]) : undefined;
  const given = out === undefined ? 0 : value === undefined ? 2 : 1;
  if (words.length > given || out === "") wrongUse(`${words.join(" ")}: unknown; allowed: --out DIR`, usage);
  await writeProject(stack, out === undefined ? composeFolder(stack) : resolve(out), { environment: setUpNode(), runner: "export" });
}

async function pass(stack, words) {
  const folder = composeFolder(stack);
  const [command] = words;
  const dry = words.includes("--dry-run");
  // What a dry run would need on the Docker host it doesn't make.
  const runner = dry && command in writing ? "export" : writing[command];
  if (runner === undefined) {
    ensureCompose({ install: false, print: (text) => step("Compose", text) });
    return compose(folder, words);
  }
  const environment = setUpCompose({ stack });
  await writeProject(stack, folder, { environment, runner });
  if (command !== "up" || dry) return compose(folder, words, environment);
  await passGatesFirst(folder, environment);
  const code = await compose(folder, words, environment);
  // In the foreground it ends when the stack does.
  const detached = words.some((word) => ["--detach", "-d", "--wait"].includes(word));
  if (detached && code === 0) await afterUp(folder, environment);
  return code;
}
