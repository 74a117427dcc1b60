// Removes what an `up` by Docker Compose leaves behind; run by scripts/compose/project.mjs as `node compose/tidy-up.ts <folder>`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { cleanUp } from "../components/cleanup.ts";
import { dockerCommand } from "../components/docker-engine.ts";

const [folder] = process.argv.slice(2);
const { name: prefix, services } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"));
const { "django-stack.name": name, "django-stack.stack": stack } = services.nginx.labels;
const docker = dockerCommand(undefined);
try {
  const service = Object.entries({ project: prefix, service: "nginx" }).flatMap(([key, value]) => [
    "--filter",
    `label=com.docker.compose.${key}=${value}`,
  ]);
  const [container] = (await docker("ps", "--quiet", ...service)).stdout.split("\n");
  if (container !== "") await cleanUp({ docker, prefix, name, stack, container, filesVolume: (component) => `${prefix}_${component}-files` });
} catch (error) {
  process.stderr.write(`warning: the new version is live, but tidying up failed: ${(error as Error).message}\n`);
}
