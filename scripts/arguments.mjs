// The words behind `npm run <command> --`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./setup/process.mjs";
import { root } from "./setup/setup.mjs";
import { wrongUse } from "./setup/terminal.mjs";

/**
 * Reads `[stack] [further words] [flags]`; ends with exit code 2 and the usage on anything else, and with 0 on --help.
 *
 * @param flags the flags that the command knows, such as `--yes`; one that ends in `=` takes a value.
 * @param most how many further words there may be.
 */
export function readArguments(words, { usage, flags, defaultStack, most = 0 }) {
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const given = {};
  const names = [];
  for (const word of words) {
    const [flag, value] = word.startsWith("--") ? word.split(/=(.*)/s) : [];
    if (flag === undefined) names.push(word);
    else if (value === undefined && flags.includes(flag)) given[flag.slice(2)] = true;
    else if (value !== undefined && flags.includes(`${flag}=`)) given[flag.slice(2)] = value;
    else wrongUse(`${word}: unknown; allowed: ${flags.map((known) => known.replace(/=$/, "=VALUE")).join(", ")}`, usage);
  }
  if (names.length > 1 + most) {
    wrongUse(
      most === 0 ? `${names.join(" ")}: got ${names.length} stacks; allowed: one` : `${names.slice(1 + most).join(" ")}: too many words`,
      usage,
    );
  }
  const stack = names[0] ?? defaultStack;
  if (stack === undefined) wrongUse(`name a stack; allowed: ${stacks().join(", ")}`, usage);
  requireStack(stack, usage);
  return { stack, flags: given, further: names.slice(1) };
}

/** Ends with exit code 2 and the usage where there is no file of that stack. */
export function requireStack(stack, usage) {
  if (!existsSync(join(root, `Pulumi.${stack}.yaml`))) {
    wrongUse(`${stack}: there is no Pulumi.${stack}.yaml; allowed: ${stacks().join(", ")}; fix: copy one of their files to that name`, usage);
  }
}

function stacks() {
  return readdirSync(root)
    .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

/** Whether a stack's file says `environment: dev`; a stack that doesn't say is a production one. */
export function isDevelopment(stack) {
  return /^\s+django-stack:environment:\s*dev\s*$/m.test(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"));
}

/** The name that a stack's objects on the Docker host begin with: what its file says, or else the project's. */
export function nameOf(stack) {
  const [own, project] = [`Pulumi.${stack}.yaml`, "Pulumi.yaml"].map((file) => readFileSync(join(root, file), "utf8"));
  return /^\s+django-stack:name:\s*["']?([\w-]+)["']?\s*$/m.exec(own)?.[1] ?? /^name:\s*(\S+)/m.exec(project)?.[1];
}

/**
 * Has every docker command from here on ask the engine of a stack, as the program does for this stack.
 *
 * Without one in the stack's file, DOCKER_HOST or docker's context counts.
 */
export function useHostOf(stack) {
  const host = hostOf(stack);
  if (host !== undefined) process.env.DOCKER_HOST = host;
}

/**
 * The address that a stack's file, or else the project's, names as `docker:host`; undefined where neither does.
 *
 * Throws a Failure where it is encrypted, for only Pulumi can read it then.
 */
export function hostOf(stack) {
  const file = `Pulumi.${stack}.yaml`;
  const [own, project] = [file, "Pulumi.yaml"].map((name) => readFileSync(join(root, name), "utf8"));
  if (/^\s+docker:host:\s*\n\s+secure:/m.test(own)) {
    const fix = `npm run pulumi -- config set --plaintext docker:host ADDRESS --stack ${stack}`;
    throw new Failure("docker:host", `it is encrypted in ${file}, and is read without Pulumi too`, fix);
  }
  return hostIn(own) ?? hostIn(project);
}

/** In Pulumi.yaml the value may have a line of its own. */
function hostIn(text) {
  return /^[ \t]+docker:host:[ \t]*(?:\n[ \t]+value:[ \t]*)?["']?([^\s"'#]+)/m.exec(text)?.[1];
}

/** Whose a stack's objects on the Docker host are: what its file says, or else the checkout's own id; undefined before the first `up`. */
export function checkoutOf(stack) {
  const own = /^\s+django-stack:checkout:\s*["']?([0-9a-f]{12})["']?\s*$/m.exec(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"))?.[1];
  const file = join(root, ".state", "checkout");
  return own ?? (existsSync(file) ? readFileSync(file, "utf8").trim() : undefined);
}
