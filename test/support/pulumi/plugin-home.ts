import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

const root = join(import.meta.dirname, "../../..");

const languagePlugin = "pulumi-language-nodejs";

/**
 * Lays out a folder as Pulumi's home, where its engine finds the tests' own providers, and their own plugin for Node.js where
 * the command line came without one.
 *
 * @param pulumi path of the command line.
 * @returns variables by which every command, this project's own too, finds it.
 */
export function makePluginHome(folder: string, pulumi: string): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(pulumi, join(bin, "pulumi"));
  const places = [dirname(realpathSync(pulumi)), ...(process.env.PATH ?? "").split(delimiter)];
  if (!places.some((place) => existsSync(join(place, languagePlugin)))) writeProgram(join(bin, languagePlugin), "nodejs-language.ts");
  for (const name of ["docker", "random", "tls"]) {
    const plugin = join(folder, "plugins", `resource-${name}-v${dependencies[`@pulumi/${name}`]}`);
    mkdirSync(plugin, { recursive: true });
    writeProgram(join(plugin, `pulumi-resource-${name}`), `${name}-provider.ts`);
  }
  return { PULUMI_HOME: folder, PATH: `${bin}:${process.env.PATH}` };
}

function writeProgram(path: string, source: string): void {
  const quoted = [process.execPath, join(import.meta.dirname, source)].map((word) => `'${word}'`).join(" ");
  writeFileSync(path, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
}
