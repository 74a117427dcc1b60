import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { parse } from "yaml";

export interface StackFileArgs {
  /** Folder of the checkout. */
  readonly folder: string;
  readonly stack: string;
  /** File of the values that the stack's own file has encrypted; it needn't exist. */
  readonly secretsPath: string;
}

/** A stack's config as Pulumi would hand it to the program. */
export interface StackConfig {
  /** Name of the Pulumi project. */
  readonly project: string;
  /** Text by whole key, objects as JSON. */
  readonly config: Readonly<Record<string, string>>;
  /** Keys with a secret value. */
  readonly secretKeys: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Reads Pulumi.<stack>.yaml without Pulumi, and the secrets file beside the Compose file over it.
 *
 * @throws Error listing every value that can't be read, and the way to give it.
 */
export function readStackFile({ folder, stack, secretsPath }: StackFileArgs): StackConfig {
  const file = `Pulumi.${stack}.yaml`;
  const project = readYaml(join(folder, "Pulumi.yaml"), folder);
  const own = readYaml(join(folder, file), folder);
  // To Pulumi, a key without a namespace is the project's own.
  const inNamespace = (values: Values) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key.includes(":") ? key : `${String(project.name)}:${key}`, value]));
  const given = inNamespace(objectOf(own.config));
  const secrets = inNamespace(readSecrets(secretsPath, folder));
  const problems = [
    ...(project.config === undefined ? [] : ["Pulumi.yaml: its config isn't read here; fix: move it to the stack's file"]),
    ...(own.environment === undefined
      ? []
      : [`${file}: environment names Pulumi ESC environments, which can't be read here; fix: give their values in ${shown(secretsPath, folder)}`]),
  ];
  const missing = encryptedPaths(given).filter((path) => valueAt(secrets, path) === undefined);
  if (missing.length > 0) problems.push(missingValues(file, missing, shown(secretsPath, folder)));
  if (problems.length > 0)
    throw new Error(`config of stack ${stack} can't be read without Pulumi; nothing was touched:\n${problems.map((line) => `  ${line}`).join("\n")}`);
  const merged = merge(given, secrets);
  return {
    project: String(project.name),
    config: Object.fromEntries(
      Object.entries(merged).map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : String(value)]),
    ),
    secretKeys: Object.keys(secrets),
  };
}

function missingValues(file: string, missing: readonly (readonly string[])[], secretsPath: string): string {
  const lines = [...new Set(missing.map(([key]) => key))].map((key) => `${key}: …`);
  const names = missing.map((path) => path.join(".")).join(", ");
  return `${file}: ${names}: encrypted, and only Pulumi's command line opens it; fix: write ${lines.join(", ")} in the same form, not encrypted, to ${secretsPath} and chmod 600 it`;
}

const shown = (path: string, folder: string): string => relative(folder, path);

function readYaml(path: string, folder: string): Record<string, unknown> {
  try {
    return objectOf(parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new Error(`${shown(path, folder)} can't be read: ${(error as Error).message}`, { cause: error });
  }
}

function readSecrets(path: string, folder: string): Record<string, unknown> {
  if (!existsSync(path)) return {};
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${shown(path, folder)}: others may read it (mode ${mode.toString(8)}); nothing was touched; fix: chmod 600 ${shown(path, folder)}`,
    );
  }
  return readYaml(path, folder);
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Returns the paths of all values of the form `{ secure: … }`. */
function encryptedPaths(values: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof values !== "object" || values === null) return [];
  const entries = Object.entries(values);
  if (path.length > 0 && entries.length === 1 && entries[0][0] === "secure") return [path];
  return entries.flatMap(([key, value]) => encryptedPaths(value, [...path, key]));
}

function valueAt(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => objectOf(value)[key], values);
}

function merge(values: Values, over: Values): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...values };
  for (const [key, value] of Object.entries(over)) {
    const bothObjects = [merged[key], value].every((entry) => Object.keys(objectOf(entry)).length > 0);
    merged[key] = bothObjects ? merge(objectOf(merged[key]), objectOf(value)) : value;
  }
  return merged;
}
