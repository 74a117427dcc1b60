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

/** What nginx goes away from. */
export interface Leaving {
  /** Names of the replicas that it sends nothing new to. */
  readonly replicas: readonly string[];
  /** Ids, inside its container, of the processes that still know them. */
  readonly workers: readonly string[];
}

/** What a reload did: nothing, for no nginx runs yet; or nginx went over to the same replicas and further ones, or away from some. */
export type Reloaded = "no nginx" | "no replica leaves" | Leaving;

/**
 * Reloads a running nginx and waits until it answers with the new configuration's id; new replicas join the old ones first.
 *
 * `nginx -t` isn't the whole gate: a changed shared memory zone passes it, and only the reload refuses it. Then the
 * configuration that is live becomes the current one again, so that a restart of nginx finds a good one.
 *
 * @throws Error with nginx's own message when it keeps the old configuration.
 */
export async function reloadNginx({ docker, container, volume, jobId, patienceSeconds = 10 }: ReloadArgs): Promise<Reloaded> {
  if (!(await isRunning(docker, container))) return "no nginx";
  const { stdout } = await docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}} {{.Image}}', jobId);
  const [wanted, image] = stdout.trim().split(" ");
  try {
    // One container for all steps, at nginx's side: each command of its own would take the CPU from requests, and over ssh a connection.
    const words = [wanted, String(patienceSeconds), joinScript];
    const said = await runOnVolumes({ docker, image, volumes: { "/files": volume }, beside: container, script: reloadScript, words });
    const [replicas, workers] = ["replicas", "workers"].map((kind) => new RegExp(`^${kind} (.+)$`, "m").exec(said)?.[1].split(" ") ?? []);
    return replicas.length === 0 ? "no replica leaves" : { replicas, workers };
  } catch (error) {
    if (!(error instanceof DockerError && error.code === keptConfiguration)) throw error;
    // By the engine's own clock, which needn't be this machine's.
    const errors = await lastErrors(docker, container, error.message);
    throw new Error(`nginx kept its configuration and goes on with it; it refused the new one: ${errors}`, { cause: error });
  }
}

/** Exit code of the script where nginx doesn't go over. */
const keptConfiguration = 3;

const [reloadScript, joinScript] = ["reload-nginx.sh", "join-replicas.sh"].map((name) =>
  readFileSync(join(import.meta.dirname, "..", "containers", name), "utf8"),
);

/** @param since seconds since 1970. */
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
