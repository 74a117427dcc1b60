// A stack's Compose project: written by compose/export.ts, run by Docker Compose.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { ensureCompose } from "../setup/compose.mjs";
import { Failure, output, run, tail } from "../setup/process.mjs";
import { root, setUpDocker, setUpNode } from "../setup/setup.mjs";
import { step } from "../setup/terminal.mjs";

/** Folder of a stack's Compose project, unless another one is asked for. */
export const composeFolder = (stack) => join(root, "docker-compose", stack);

/** Makes sure of all that Compose needs; returns the environment for it. */
export function setUpCompose({ stack, install = true }) {
  const environment = setUpNode();
  const docker = setUpDocker({ install, stack });
  step("Compose", ensureCompose({ install, print: (text) => step("Compose", text) }));
  return docker.host === undefined ? environment : { ...environment, DOCKER_HOST: docker.host };
}

/**
 * Writes a stack's project into a folder.
 *
 * @param runner compose where it is run next: checks the Docker host first and makes the data's volumes; else export.
 */
export async function writeProject(stack, folder, { environment, runner }) {
  const code = await inherit("node", [join(root, "compose", "export.ts"), stack, folder, runner], environment);
  if (code !== 0) throw new Failure("Compose", `the project of stack ${stack} wasn't written`, "see above");
  step("Compose", `${relative(process.cwd(), join(folder, "compose.yaml"))} written`);
}

/** Runs docker compose on a project with this terminal; resolves with its exit code. */
export async function compose(folder, words, environment = process.env) {
  const file = join(folder, "compose.yaml");
  if (!existsSync(file)) {
    const stack = basename(folder);
    throw new Failure(
      "Compose",
      `there is no ${relative(process.cwd(), file)}`,
      `npm run compose -- ${stack} export, or npm run up -- ${stack} --compose`,
    );
  }
  return inherit("docker", ["compose", "--file", file, ...words], { ...withoutAttestations, ...environment });
}

/**
 * Keeps the time of a build out of its image. buildx writes down when it built; where images are stored by containerd, as by new installations
 * of Docker Engine 29, that is part of the image's id, and each `up` would make the containers anew.
 */
const withoutAttestations = { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };

/**
 * Runs the jobs that decide whether the database's server may be replaced, while the one before is still there: Compose stops that one
 * before it starts anything else.
 */
export async function passGatesFirst(folder, environment) {
  const services = output("docker", ["compose", "--file", join(folder, "compose.yaml"), "config", "--services"], { env: environment }).split("\n");
  const fix = "mend what its last lines say, then the same command again";
  const failed = (job) => new Failure("Compose", `${job} failed, and what ran before goes on`, fix);
  // In a container of its own: `up` for one service takes it for another one than `up` for all, and makes it and what needs it anew.
  const passes = async (job) => (await compose(folder, ["run", "--rm", "--no-deps", "--no-TTY", job], environment)) === 0;
  // An image and settings of Postgres that no server starts with.
  if (!(await passes(trial))) throw failed(trial);
  if (!services.includes(upgrade)) return;
  // Whatever doesn't build is known before anybody's writes are refused.
  if ((await compose(folder, ["build"], environment)) !== 0) throw new Failure("Compose", "an image doesn't build", "mend what the lines above say");
  if (!(await passes(upgrade))) throw failed(upgrade);
}

/** Names of their services. */
const [trial, upgrade] = ["postgres-trial", "postgres-upgrade"];

/** Brings a project up and returns when every service is healthy; throws a Failure with the log of what failed. */
export async function composeUp(folder, environment) {
  await passGatesFirst(folder, environment);
  const code = await compose(folder, ["up", "--detach", "--wait", "--remove-orphans"], environment);
  if (code === 0) return afterUp(folder, environment);
  const failed = failedContainers(folder, environment);
  for (const { name, log } of failed) process.stderr.write(`\n${name}'s last lines:\n${log}\n`);
  throw new Failure(
    "Compose",
    failed.length > 0 ? `${failed.map(({ name }) => name).join(", ")} failed` : `docker compose ended with exit code ${code}`,
    "mend what the lines above say, then the same command again",
  );
}

/**
 * Removes images, static files and secrets that nothing of a project's stack needs any more, and tells what its release job warned of and
 * which names wait for their certificate, as `up` by Pulumi does.
 */
export async function afterUp(folder, environment) {
  await inherit("node", [join(root, "compose", "after-up.ts"), folder], environment);
}

/** Reads what a project's program exported. */
export const readOutputs = (folder) => JSON.parse(readFileSync(join(folder, "outputs.json"), "utf8"));

/** Jobs that ended otherwise than with 0, and services that aren't healthy. */
function failedContainers(folder, environment) {
  const listed = output("docker", ["compose", "--file", join(folder, "compose.yaml"), "ps", "--all", "--quiet"], { env: environment });
  return listed
    .split("\n")
    .filter((id) => id !== "")
    .flatMap((id) => {
      const format = "{{.Name}}|{{.State.Status}}|{{.State.ExitCode}}|{{with .State.Health}}{{.Status}}{{end}}";
      const [name, status, code, health] = output("docker", ["inspect", "--format", format, id], { env: environment }).split("|");
      const fine = status === "created" || (status === "exited" && code === "0") || (status === "running" && health !== "unhealthy");
      if (fine) return [];
      const { stdout, stderr } = run("docker", ["logs", "--tail", "20", id], { env: environment });
      const checks = output("docker", ["inspect", "--format", "{{with .State.Health}}{{range .Log}}{{println .Output}}{{end}}{{end}}", id], {
        env: environment,
      });
      return [{ name: name.slice(1), log: [`${stdout}${stderr}`.trim(), tail(checks, 1)].filter((text) => text !== "").join("\n") }];
    });
}

function inherit(command, args, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: process.cwd(), env: environment, stdio: "inherit" });
    // Ctrl-C reaches it too, so that it can end in order.
    const ignore = () => {};
    process.on("SIGINT", ignore);
    const forward = () => child.kill("SIGTERM");
    process.on("SIGTERM", forward);
    child.on("error", reject);
    child.on("exit", (code) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", forward);
      resolve(code ?? 1);
    });
  });
}
