import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { dockerCommand, DockerError, lastLines, type DockerCommand } from "./docker-engine.ts";

/** Lines of a container's log that an error shows. */
const shownLines = 20;

/**
 * Fails `up` when a job ended with another exit code than 0, with its log, and removes its container.
 *
 * Without the removal the next `up` would find the job made, call it unchanged and go on.
 *
 * @throws Error with the job's name, exit code and last 20 log lines.
 */
export async function requireSuccess(docker: DockerCommand, id: string, job: string): Promise<void> {
  const { stdout } = await docker("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}", id);
  const [status, exitCode, outOfMemory] = stdout.trim().split(" ");
  if (status === "exited" && exitCode === "0") return;
  const log = await lastLog(docker, id);
  await docker("rm", "--force", "--volumes", id);
  throw new Error(`${job} ${ending(status, exitCode, outOfMemory)}; what ran before goes on. Its last lines:\n${log}`);
}

function ending(status: string, exitCode: string, outOfMemory: string): string {
  if (outOfMemory === "true") return "ran out of memory";
  // coreutils' timeout ends with 124, or 137 when it had to kill.
  if (exitCode === "124" || exitCode === "137") return "didn't end within its time limit";
  return status === "exited" ? `failed with exit code ${exitCode}` : `is ${status} instead of ended`;
}

/** What becomes of a service while another one takes its place. */
export type Predecessor = "goes on" | "is gone";

/** `changed in place`: no other one takes its place. */
const consequence: Readonly<Record<Predecessor | "changed in place", string>> = {
  "goes on": "it was removed and what ran before goes on",
  "is gone":
    "it was removed, and there is none in its place, for the one before had to end first; fix: put back what was changed, or mend it, and run up again",
  "changed in place": "it was removed, and the next up makes it anew",
};

/**
 * Prints the last 20 log lines of a service that couldn't be made or never became healthy, and removes its container.
 *
 * Without the removal the next `up` would find the container made, call it unchanged and send traffic to it.
 */
export async function removeFailedService(
  docker: DockerCommand,
  container: string,
  circumstance: keyof typeof consequence,
  print: (message: string) => Promise<void>,
): Promise<void> {
  try {
    const format = '{{.State.Status}}{{with .State.Health}}, {{.Status}}{{range .Log}}{{"\\n"}}{{.Output}}{{end}}{{end}}';
    const [status, ...checks] = (await docker("inspect", "--format", format, container)).stdout.split("\n");
    const lastCheck = lastLines(checks.join("\n"), 1);
    const log = await lastLog(docker, container);
    await docker("rm", "--force", "--volumes", container);
    const told = lastCheck === "" ? "" : `; its last health check said: ${lastCheck}`;
    await print(`${container} didn't become healthy (${status}${told}); ${consequence[circumstance]}. Its last lines:\n${log}`);
  } catch (error) {
    if (!(error instanceof DockerError) || !/no such (object|container)/i.test(error.message)) throw error;
  }
}

/**
 * Waits for a service that was changed in place, or started again as after `docker stop`: the provider waits only for those that it makes.
 *
 * @param seconds how long it may take.
 * @throws Error where it isn't healthy by then; its log has been printed, and it is removed.
 */
export async function requireHealth(
  docker: DockerCommand,
  container: string,
  seconds: number,
  print: (message: string) => Promise<void>,
): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(500)) {
    const { stdout } = await docker("inspect", "--format", "{{.State.Health.Status}}", container);
    if (stdout.trim() === "healthy") return;
  }
  await removeFailedService(docker, container, "changed in place", print);
  throw new Error(`${container} was changed in place or started again, and wasn't healthy after ${seconds} seconds`);
}

/** Makes sure that a job succeeded, then runs `next`; where either fails, the job is removed, so that the next `up` runs it again. */
export async function passGate(docker: DockerCommand, id: string, job: string, next?: (docker: DockerCommand, id: string) => Promise<void>) {
  await requireSuccess(docker, id, job);
  try {
    await next?.(docker, id);
  } catch (error) {
    await docker("rm", "--force", "--volumes", id);
    throw error;
  }
}

/** Returns a hook that makes a job's failure, or that of what follows it, the failure of `up`. */
export function jobGate(
  name: string,
  dockerHost: string | undefined,
  next?: (docker: DockerCommand, id: string) => Promise<void>,
): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`${name}-gate`, ({ id }) => passGate(dockerCommand(dockerHost), id, name, next));
}

/**
 * Gives a container its own limit of processes and threads, the one in its label.
 *
 * The provider has no input for it, and the user's limit alone would let a replica that multiplies starve the others.
 */
export async function limitProcesses(docker: DockerCommand, id: string): Promise<void> {
  const { stdout } = await docker("inspect", "--format", '{{index .Config.Labels "django-stack.processes"}}', id);
  await docker("update", "--pids-limit", stdout.trim(), id);
}

/**
 * Returns the hooks of a service: its limit of processes once it is healthy; where it never is, its log, its removal and no other try;
 * its health once more after a change in place, which may have been its start.
 *
 * @param predecessor whether the service that it replaces is still there while it starts.
 * @param next what follows once the service is healthy.
 */
export function serviceHooks(
  name: string,
  dockerHost: string | undefined,
  predecessor: Predecessor,
  next?: (docker: DockerCommand, id: string) => Promise<void>,
): pulumi.ResourceHookBinding {
  const limit = new pulumi.ResourceHook(`${name}-processes`, async ({ id }) => {
    const docker = dockerCommand(dockerHost);
    // An engine without that cgroup still has the user's limit.
    const limited = limitProcesses(docker, id).catch((error: Error) =>
      pulumi.log.warn(`${name}: its number of processes isn't limited: ${error.message}`),
    );
    await Promise.all([limited, next?.(docker, id)]);
  });
  const gate = new pulumi.ErrorHook(`${name}-gate`, async ({ newInputs, failedOperation }) => {
    const container: unknown = newInputs?.name;
    if (failedOperation === "create" && typeof container === "string") {
      // Awaited: once the hook has answered, Pulumi may end before it hears the log.
      await removeFailedService(dockerCommand(dockerHost), container, predecessor, (message) => pulumi.log.error(message));
    }
    return false;
  });
  const health = new pulumi.ResourceHook(`${name}-health`, ({ newInputs }) =>
    requireHealth(dockerCommand(dockerHost), newInputs?.name, newInputs?.waitTimeout, (message) => pulumi.log.error(message)),
  );
  return { afterCreate: [limit], afterUpdate: [health], onError: [gate] };
}

async function lastLog(docker: DockerCommand, container: string): Promise<string> {
  const { stdout, stderr } = await docker("logs", "--tail", String(shownLines), container);
  return lastLines(`${stdout}\n${stderr}`, shownLines) || "(it wrote nothing)";
}
