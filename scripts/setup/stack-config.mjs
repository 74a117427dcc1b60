// What the scripts know of a stack from its file and the project's, before Pulumi or any npm package is there to read them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./checkout.mjs";
import { Failure } from "./process.mjs";

/** Name of the Pulumi project, which the keys of its own config begin with. */
export function projectName(folder = root) {
  return scalar(/^name:\s*(\S.*)$/m.exec(read(folder, "Pulumi.yaml"))?.[1] ?? "django-stack");
}

/** Whether a stack's file says `environment: dev`; a stack that doesn't say is a production one. */
export function isDevelopment(stack) {
  return textOf(stack, `${projectName()}:environment`) === "dev";
}

/** The name that a stack's objects on the Docker host begin with: what its file says, or else the project's. */
export function nameOf(stack) {
  return textOf(stack, `${projectName()}:name`) ?? projectName();
}

/** Whose a stack's objects on the Docker host are: what its file says, or else the checkout's own id; undefined before the first `up`. */
export function checkoutOf(stack) {
  const file = join(root, ".state", "checkout");
  return textOf(stack, `${projectName()}:checkout`) ?? (existsSync(file) ? readFileSync(file, "utf8").trim() : undefined);
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
  return textOf(stack, "docker:host");
}

function textOf(stack, key) {
  const file = `Pulumi.${stack}.yaml`;
  const [own, ofProject] = [file, "Pulumi.yaml"].map((name) => configIn(read(root, name), projectName()).get(key));
  if (own?.encrypted) {
    const fix = `npm run pulumi -- config set --plaintext ${key} VALUE --stack ${stack}`;
    throw new Failure(key, `it is encrypted in ${file}, and is read without Pulumi too`, fix);
  }
  return own?.text ?? ofProject?.text;
}

/**
 * Reads the config of a file by whole key; to Pulumi, a key without a namespace is the project's own.
 *
 * Objects are left out, but for `secure` and, as Pulumi.yaml has it, `value`.
 */
function configIn(file, project) {
  const values = new Map();
  let indentation;
  let last;
  const lines = file.split("\n");
  for (const line of lines.slice(lines.findIndex((one) => /^config:\s*(#|$)/.test(one)) + 1)) {
    const [, space, key, value = ""] = /^(\s*)["']?([\w.-]+(?::[\w.-]+)?)["']?:(?:\s+(.*))?$/.exec(line) ?? [];
    if (/^[^\s#]/.test(line)) break;
    if (key === undefined) continue;
    indentation ??= space.length;
    if (space.length === indentation) {
      last = { text: scalar(value), encrypted: false };
      values.set(key.includes(":") ? key : `${project}:${key}`, last);
    } else if (key === "secure") last.encrypted = true;
    else if (key === "value") last.text ??= scalar(value);
  }
  return values;
}

/** Returns a value without its quotes and the comment behind it; undefined for none. */
function scalar(text) {
  const [, double, single] = /^(?:"([^"]*)"|'([^']*)')/.exec(text) ?? [];
  const value = double ?? single ?? text.replace(/(^|\s+)#.*$/, "").trim();
  return value === "" ? undefined : value;
}

function read(folder, file) {
  return readFileSync(join(folder, file), "utf8");
}
