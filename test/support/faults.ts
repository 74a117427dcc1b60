import { setTimeout as sleep } from "node:timers/promises";
import type { Sent } from "../../bench/load/load.ts";
import { split, summarize } from "../../bench/load/summary.ts";
import { engineApi } from "./engine-api.ts";
import type { Ledger } from "./site-load.ts";
import { docker } from "./site.ts";

/**
 * Ends a container's first process, and with it the container, as a crash does; `docker kill` would switch its restart off.
 *
 * The signal comes from a container that sees the host's processes, so that it needs no root on this machine.
 */
export async function crash(container: string): Promise<void> {
  const { State, Image } = await engineApi("GET", `/containers/${container}/json`);
  const rights = ["--pid", "host", "--cap-add", "KILL", "--security-opt", "apparmor=unconfined", "--user", "0:0", "--network", "none"];
  docker("run", "--rm", ...rights, "--entrypoint", "/bin/sh", Image, "-c", `kill -KILL ${State.Pid}`);
}

/** Whether the last answers of a site were good ones, several in a row. */
export async function answersAgain(ask: () => Promise<{ readonly status: number }>): Promise<boolean> {
  for (let count = 0; count < 5; count++) if ((await ask()).status !== 200) return false;
  return true;
}

/** Waits until a condition holds and returns the seconds that it took. */
export async function secondsUntil(condition: () => Promise<boolean> | boolean, mostSeconds: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    const holds = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    const seconds = (performance.now() - start) / 1000;
    if (holds) return seconds;
    if (seconds > mostSeconds) throw new Error(`not so after ${mostSeconds} s: ${condition}`);
    await sleep(100);
  }
}

/** Whether a container's health check passes, and it was started after a time given as milliseconds since 1970. */
export async function healthySince(container: string, milliseconds: number): Promise<boolean> {
  const { State } = await engineApi("GET", `/containers/${container}/json`);
  return State.Running && State.Health.Status === "healthy" && Date.parse(State.StartedAt) > milliseconds;
}

/** When each container was started: equal texts say that none of them was restarted. */
export async function startTimes(containers: readonly string[]): Promise<string> {
  const states = await Promise.all(containers.map((container) => engineApi("GET", `/containers/${container}/json`)));
  return states.map(({ State, RestartCount }) => `${State.StartedAt} ${RestartCount}`).join("\n");
}

/** Failures of requests that were due from one point in time to another, milliseconds since 1970. */
export function failuresBetween(requests: readonly Sent[], from: number, to: number): Sent[] {
  return requests.filter(({ due, failure }) => failure !== undefined && due >= from && due < to);
}

/** Seconds from a point in time until the last request was due that failed after it; 0 when none did. */
export function secondsOfFailure(requests: readonly Sent[], from: number): number {
  const failed = requests.filter(({ due, milliseconds, failure }) => failure !== undefined && due + milliseconds >= from);
  return failed.length === 0 ? 0 : Math.max(0, Math.max(...failed.map(({ due }) => due)) - from) / 1000;
}

/** Prints what a fault test did and saw. */
export function tell(what: string, requests: readonly Sent[], from: number, ledger: Ledger, seen: Readonly<Record<string, unknown>> = {}): void {
  const [before, after] = split(requests, from).map(summarize);
  const posts = requests.filter(({ method, failure }) => method === "POST" && failure === undefined).length;
  process.stdout.write(
    `  ${what}: ${after.failed} of ${after.sent} failed ${JSON.stringify(after.failures)}, failures for ${secondsOfFailure(requests, from).toFixed(1)} s, ` +
      `p99 ${before.p99} ms before, ${after.p99} ms with it; ${posts} writes acknowledged, ${ledger.missing.length} missing, ${ledger.doubled.length} doubled` +
      `${Object.entries(seen)
        .map(([name, value]) => `; ${name} ${typeof value === "number" ? value.toFixed(1) : value}`)
        .join("")}\n`,
  );
}
