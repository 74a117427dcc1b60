import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DockerError, lastLines, runOnVolumes, type DockerCommand } from "./docker-engine.ts";

export interface ReloadArgs {
  readonly docker: DockerCommand;
  /** Name of nginx's container. */
  readonly container: string;
  /** Volume that holds the configurations. */
  readonly volume: string;
  /** Container of the job that put the new configuration there. */
  readonly jobId: string;
  /** How long the new configuration may take to be live. @default 10_000 */
  readonly patienceMilliseconds?: number;
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
export async function reloadNginx({ docker, container, volume, jobId, patienceMilliseconds = 10_000 }: ReloadArgs): Promise<boolean> {
  if (!(await isRunning(docker, container))) return false;
  const wanted = (await docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', jobId)).stdout.trim();
  const before = await liveConfiguration(docker, container);
  if (before === wanted) return true;
  const since = new Date(Date.now() - 1000).toISOString();
  const goOver = async (id: string) => {
    // Not `docker kill`: Docker 20.10 takes any signal of its own for a stop by hand, and restarts the container no more.
    await docker("exec", container, "sh", "-c", 'kill -HUP "$(cat /tmp/nginx.pid)"');
    const end = Date.now() + patienceMilliseconds;
    while (Date.now() < end) {
      if ((await liveConfiguration(docker, container)) === id) return;
      await sleep(100);
    }
    throw new Error(`nginx kept its configuration and goes on with it; it refused the new one: ${await lastErrors(docker, container, since)}`);
  };
  const onVolume = (script: string, ...words: string[]) => runOnVolumes({ docker, volumes: { "/files": volume }, container: jobId, script, words });
  try {
    if (before !== undefined) {
      const joined = `joined-${wanted}`;
      await onVolume(joinScript, before, wanted, joined);
      if ((await docker("exec", container, "readlink", "/etc/nginx/stack/current")).stdout.trim() === joined) {
        await goOver(joined);
        // Docker's DNS answers within milliseconds.
        await sleep(Math.min(500, patienceMilliseconds));
        await onVolume(pointScript, wanted);
      }
    }
    await goOver(wanted);
    return true;
  } catch (error) {
    if (before !== undefined) await onVolume(pointScript, before);
    throw error;
  }
}

const pointScript = 'ln -sfn "$1" /files/.current && mv -fT /files/.current /files/current';

const joinScript = readFileSync(join(import.meta.dirname, "..", "containers", "join-replicas.sh"), "utf8");

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

/** Asks nginx, from inside its container, which configuration it answers with; undefined when it doesn't answer. */
async function liveConfiguration(docker: DockerCommand, container: string): Promise<string | undefined> {
  try {
    return (await docker("exec", container, "curl", "--silent", "--fail", "--max-time", "2", "http://127.0.0.1:8081/configuration")).stdout.trim();
  } catch (error) {
    if (error instanceof DockerError) return undefined;
    throw error;
  }
}
