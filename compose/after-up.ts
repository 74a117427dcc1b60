// What follows an `up` by Docker Compose: it removes what is left behind, tells what the release job warned of, and which names wait for a
// certificate; run by scripts/compose/project.mjs as `node compose/after-up.ts <folder>`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { cleanUp } from "../components/cleanup.ts";
import { dockerCommand } from "../components/docker-engine.ts";
import { releaseWarnings } from "../components/release-warnings.ts";
import { waitingNames } from "./waiting-names.ts";

const [folder] = process.argv.slice(2);
const { name: prefix, services } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"));
const { "django-stack.name": name, "django-stack.stack": stack } = services.nginx.labels;
const docker = dockerCommand(undefined);
const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);
try {
  const containerOf = async (service: string, ...options: string[]) => {
    const labels = Object.entries({ project: prefix, service }).flatMap(([key, value]) => ["--filter", `label=com.docker.compose.${key}=${value}`]);
    return (await docker("ps", "--quiet", ...options, ...labels)).stdout.split("\n")[0];
  };
  const release = await containerOf("django-release", "--all");
  if (release !== "") for (const warning of await releaseWarnings(docker, release)) warn(warning);
  const container = await containerOf("nginx");
  if (container !== "") {
    await cleanUp({ docker, prefix, name, stack, container, filesVolume: (component) => `${prefix}_${component}-files` });
    for (const warning of await waitingNames({ docker, container })) warn(warning);
  }
} catch (error) {
  warn(`the new version is live, but tidying up, or asking for its certificates, failed: ${(error as Error).message}`);
}
