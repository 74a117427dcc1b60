// The Pulumi command line and its provider plugins, from where they are or from where npm and Pulumi bring them.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { compareVersions } from "./versions.mjs";
import { Failure, output, run, tail } from "./process.mjs";

/** The oldest Pulumi whose engine runs both kinds of hooks that the stack relies on. */
export const oldestPulumi = "3.259.0";

/** Returns `{ command, version, from }` of a recent enough Pulumi. */
export function ensurePulumi(root, environment) {
  const home = join(process.env.PULUMI_HOME || join(homedir(), ".pulumi"), "bin");
  // As a person would write it.
  const homeName = process.env.PULUMI_HOME ? home : "~/.pulumi/bin";
  const candidates = [
    ...onPath("pulumi", environment.PATH).map((command) => ({ command, from: "PATH" })),
    { command: join(home, "pulumi"), from: homeName },
  ];
  const tooOld = [];
  for (const candidate of candidates) {
    const version = output(candidate.command, ["version"], { env: environment }).replace(/^v/, "");
    if (version === "") continue;
    if (compareVersions(version, oldestPulumi) >= 0) return { ...candidate, version };
    tooOld.push(`${candidate.from} has ${version}`);
  }
  const npm = join(root, "node_modules", ".bin", "pulumi");
  const download = run(npm, ["version"], { env: environment, timeoutSeconds: 600 });
  const version = /v?(\d+\.\d+\.\d+)\s*$/.exec(download.stdout.trim())?.[1] ?? "";
  if (download.status === 0 && compareVersions(version, oldestPulumi) >= 0) return { command: npm, version, from: "npm" };
  const found = tooOld.length === 0 ? `none is on PATH or in ${homeName}` : `${tooOld.join(", ")}; needed: ${oldestPulumi} or newer`;
  throw new Failure(
    "Pulumi",
    `${found}, and npm's pulumi package couldn't download one: ${tail(download.stderr, 1)}`,
    "install it: https://www.pulumi.com/docs/install/",
  );
}

/** Paths of a program, but in npm's own folder, which npm puts first on PATH and whose `pulumi` would download another one. */
function onPath(name, path) {
  return (path ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.endsWith(join("node_modules", ".bin")))
    .map((folder) => join(folder, name))
    .filter((file) => existsSync(file));
}

/** Makes sure of the plugins of the providers that package.json names; returns them, one line. */
export function ensurePlugins(root, pulumi, environment) {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wanted = ["docker", "random", "tls"].map((name) => ({ name, version: dependencies[`@pulumi/${name}`] }));
  const listed = output(pulumi.command, ["plugin", "ls", "--json"], { env: environment });
  const installed = listed === "" ? [] : JSON.parse(listed);
  for (const { name, version } of wanted) {
    if (installed.some((plugin) => plugin.kind === "resource" && plugin.name === name && plugin.version === version)) continue;
    const install = run(pulumi.command, ["plugin", "install", "resource", name, `v${version}`], { env: environment, timeoutSeconds: 600 });
    if (install.status !== 0)
      throw new Failure("Pulumi plugins", `${name} ${version}: ${tail(install.stderr, 2)}`, `pulumi plugin install resource ${name} v${version}`);
  }
  return wanted.map(({ name, version }) => `${name} ${version}`).join(", ");
}
