// Which images a stack starts from, by its file; the program reads and checks the same values once it runs.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { baseImages } from "./base-images.mjs";
import { projectName } from "./stack-config.mjs";

const [postgres, nginx, python, restic] = baseImages.map(({ image }) => image);

/** Returns the names; what the file has wrong or encrypted counts as not given, for the program says so. */
export function imagesOf(root, stack) {
  const config = readConfig(root, stack);
  const project = projectName(root);
  // To Pulumi, a key without a namespace is the project's own.
  const valueOf = (key) => config[`${project}:${key}`] ?? config[key];
  const of = (key) => objectOf(valueOf(key));
  const development = valueOf("environment") === "dev";
  const { version } = of("postgres");
  const backups = String(of("backup").enabled ?? !development) === "true";
  return [
    of("postgres").image ?? (version === undefined ? postgres : `postgres:${version}`),
    of("nginx").image ?? nginx,
    ...(builtFrom(root, of("app"), python) ? [python] : []),
    ...(backups ? [of("backup").resticImage ?? restic] : []),
  ].map(String);
}

function readConfig(root, stack) {
  // Installed by the step before.
  const { parse } = createRequire(join(root, "package.json"))("yaml");
  try {
    return objectOf(objectOf(parse(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"))).config);
  } catch {
    return {};
  }
}

/** `pulumi config set` without --path writes an object as a text. */
function objectOf(value) {
  if (typeof value === "string" && value.startsWith("{")) {
    try {
      return JSON.parse(value);
    } catch {
      return {};
    }
  }
  return typeof value === "object" && value !== null ? value : {};
}

function builtFrom(root, { context = "./django", dockerfile = "Dockerfile" }, image) {
  const path = join(root, String(context), String(dockerfile));
  return existsSync(path) && readFileSync(path, "utf8").includes(`FROM ${image}`);
}
