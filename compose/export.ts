// Writes a stack's Compose project; run by scripts/compose.mjs as `node compose/export.ts <stack> <folder> <export|compose>`.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { dockerCommand } from "../components/docker-engine.ts";
import { declare } from "./declarations.ts";
import { GeneratedValues } from "./generated-values.ts";
import { renderProject, type ComposeProject, type DataVolume } from "./project.ts";
import { readStackFile } from "./stack-file.ts";

const checkout = resolve(import.meta.dirname, "..");

/** What a Compose folder holds beside compose.yaml; all of it may be secret. */
const privateFiles = { values: "values.json", secrets: "secrets.yaml", outputs: "outputs.json", files: "files" };

async function exportStack(stack: string, folder: string, runner: string): Promise<void> {
  const { project, config, secretKeys } = readStackFile({ folder: checkout, stack, secretsPath: join(folder, privateFiles.secrets) });
  const values = new GeneratedValues(join(folder, privateFiles.values));
  const declarations = await declare({
    folder: checkout,
    project,
    stack,
    config: { ...config, "compose:runner": runner },
    secretKeys,
    values,
    isMounted: async (context) => {
      const { loadConfig } = await import("../config.ts");
      const { app } = loadConfig();
      return app.mountSource && app.contextPath === context;
    },
    run: async () => (await import("../index.ts")).default,
  });
  const composed = renderProject(declarations, folder);
  // An export that was ended early may have left its values alone.
  const hasValues = values.kept.some((name) => name.startsWith(`${declarations.prefix}-`));
  if (!hasValues) requireOwnFolder(folder, composed.text);
  mkdirSync(folder, { recursive: true });
  values.save();
  write(folder, composed, declarations.outputs);
  if (runner === "compose") await makeVolumes(composed.dataVolumes);
}

/**
 * Refuses a folder that something else is in: what is written there replaces what has the same name.
 *
 * @throws Error naming the folder and what to do.
 */
function requireOwnFolder(folder: string, text: string): void {
  const own = [".gitignore", ...Object.values(privateFiles)];
  const others = existsSync(folder) ? readdirSync(folder).filter((name) => name !== privateFiles.secrets) : [];
  if (others.length === 0) return;
  const path = join(folder, "compose.yaml");
  const [heading] = text.split("\n");
  if (!existsSync(path) || readFileSync(path, "utf8").split("\n")[0] !== heading) {
    throw new Error(
      `${folder}: it isn't empty and holds no Compose project of this stack, and ${["compose.yaml", ...own].join(", ")} would be replaced; nothing was written; fix: name another folder`,
    );
  }
}

function write(folder: string, { text, files }: ComposeProject, outputs: Readonly<Record<string, unknown>>): void {
  writeFileSync(join(folder, ".gitignore"), `${Object.values(privateFiles).join("\n")}\n`);
  rmSync(join(folder, privateFiles.files), { recursive: true, force: true });
  for (const [path, { content, mode }] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), content);
    // Whatever the umask.
    chmodSync(join(folder, path), mode);
  }
  writePrivately(join(folder, privateFiles.outputs), `${JSON.stringify(outputs, undefined, 2)}\n`);
  writeFileSync(join(folder, "compose.yaml"), text);
}

function writePrivately(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
  // The mode counts for a new file only.
  chmodSync(path, 0o600);
}

/** Makes the volumes that aren't there yet; Docker leaves those that are as they are. */
async function makeVolumes(volumes: readonly DataVolume[]): Promise<void> {
  const docker = dockerCommand(undefined);
  for (const { name, labels, driverOpts } of volumes) {
    const option = (flag: string, values: object) => Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
    await docker("volume", "create", ...option("--label", labels), ...option("--opt", driverOpts), name);
  }
}

// Where there is no engine to hand its log to, Pulumi prints it, and says `[runtime]`.
const { warn } = console;
console.warn = (text: string) => warn(text.replace("[runtime] ", ""));

const [stack, folder, runner] = process.argv.slice(2);
try {
  await exportStack(stack, resolve(folder), runner);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
