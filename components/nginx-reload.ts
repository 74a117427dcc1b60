import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerError, lastLines, runOnVolumes, type DockerCommand } from "./docker-engine.ts";

export interface ReloadArgs {
  readonly docker: DockerCommand;
  /** Name of nginx's container. */
  readonly container: string;
  /** Volume that holds the configurations. */
  readonly volume: string;
  /** Container of the job that put the new configuration there. */
  readonly jobId: string;
  /** How long the new configuration may take to be live. @default 10 */
  readonly patienceSeconds?: number;
}

/**
 * Reloads a running nginx and waits until it answers with the new configuration's id; new replicas join the old ones first.
 *
 * Returns false when no nginx runs yet.
 *
 * `nginx -t` isn't the whole gate: a changed shared memory zone passes it, and only the reload refuses it. Then the
 * configuration that is live becomes the current one again, so that a restart of nginx finds a good one.
 *
 * @throws Error with nginx's own message when it keeps the old configuration.
 */
export async function reloadNginx({ docker, container, volume, jobId, patienceSeconds = 10 }: ReloadArgs): Promise<boolean> {
  if (!(await isRunning(docker, container))) return false;
  const { stdout } = await docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}} {{.Image}}', jobId);
  const [wanted, image] = stdout.trim().split(" ");
  const since = new Date(Date.now() - 1000).toISOString();
  try {
    // One container for all steps, at nginx's side: each command of its own would take the CPU from requests, and over ssh a connection.
    const words = [wanted, String(patienceSeconds), joinScript];
    await runOnVolumes({ docker, image, volumes: { "/files": volume }, beside: container, script: reloadScript, words });
    return true;
  } catch (error) {
    if (!(error instanceof DockerError && error.code === keptConfiguration)) throw error;
    throw new Error(`nginx kept its configuration and goes on with it; it refused the new one: ${await lastErrors(docker, container, since)}`, {
      cause: error,
    });
  }
}

/** Exit code of the script where nginx doesn't go over. */
const keptConfiguration = 3;

const [reloadScript, joinScript] = ["reload-nginx.sh", "join-replicas.sh"].map((name) =>
  readFileSync(join(import.meta.dirname, "..", "containers", name), "utf8"),
);

async function lastErrors(docker: DockerCommand, container: string, since: string): Promise<string> {
  const { stderr } = await docker("logs", "--since", since, container);
  const errors = stderr.split("\n").filter((line) => /\[(emerg|alert|crit|error)\]/.test(line));
  return lastLines(errors.join("\n"), 3) || "no message within its time";
}

async function isRunning(docker: DockerCommand, container: string): Promise<boolean> {
  try {
    return (await docker("inspect", "--format", "{{.State.Running}}", container)).stdout.trim() === "true";
  } catch (error) {
    if (error instanceof DockerError && /no such (object|container)/i.test(error.message)) return false;
    throw error;
  }
}
