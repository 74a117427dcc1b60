import { DockerError, type DockerCommand } from "./docker-engine.ts";
import type { Leaving } from "./nginx-reload.ts";

export interface LeavingReplicasArgs extends Leaving {
  readonly docker: DockerCommand;
  /** Name of nginx's container. */
  readonly container: string;
  /** How long to wait for nginx's workers of before. */
  readonly seconds: number;
  /** Whether what these workers still hold reaches the new replicas once the old ones listen no more. */
  readonly successor: boolean;
}

/**
 * Waits until nobody sends the replicas of before anything, and tells them so: then they need not drain.
 *
 * Those are nginx's workers of before: an upload that is still coming in goes to one of the replicas that its worker knows once it is there.
 * Where they outlast `seconds` and nothing has a successor, the replicas drain, as they do wherever they aren't told.
 */
export async function letReplicasGo({ docker, container, replicas, workers, seconds, successor }: LeavingReplicasArgs): Promise<void> {
  try {
    if (workers.length === 0) return;
    if (!(await workersGone(docker, container, workers, seconds)) && !successor) return;
    // One that ignores it by default: a replica of before this was so would end at another.
    await docker("kill", "--signal=URG", ...replicas);
  } catch (error) {
    // nginx was started anew, or a replica is gone; whoever wasn't told drains.
    if (!(error instanceof DockerError)) throw error;
  }
}

async function workersGone(docker: DockerCommand, container: string, workers: readonly string[], seconds: number): Promise<boolean> {
  const end = Date.now() + seconds * 1000;
  for (let left = seconds; left > 0; left = (end - Date.now()) / 1000) {
    // One command asks again and again, for part of the time that any command has.
    const { stdout } = await docker("exec", container, "sh", "-c", workersScript, "sh", String(Math.ceil(Math.min(left, 20))), ...workers);
    if (stdout.trim() === "gone") return true;
  }
  return false;
}

const workersScript = `
end=$(($(date +%s) + $1))
shift
for process do
  while grep -qsa '^nginx: worker process' "/proc/$process/cmdline"; do
    [ "$(date +%s)" -lt "$end" ] || exit 0
    sleep 0.5
  done
done
echo gone`;
