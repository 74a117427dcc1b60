import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { split, summarize } from "../../../bench/load/summary.ts";
import { failuresBetween, healthySince, secondsUntil, startTimes, tell } from "../../support/faults.ts";
import { loadDuring } from "../../support/site-load.ts";
import { docker, type Site } from "../../support/site.ts";

/** What visitors see while the database is away, and how the site comes back. */
export function databaseBehaviour(site: Site): void {
  const kindsOfFailure = (result: { requests: readonly { failure?: string }[] }) => [
    ...new Set(result.requests.flatMap(({ failure }) => (failure === undefined ? [] : [failure]))),
  ];

  describe("a database that is away", () => {
    test("for a restart is answered with 503 and Retry-After, and is back at once when it is", async () => {
      const [postgres] = site.containersOf("postgres");
      const replicas = site.containersOf("django");
      const before = await startTimes(replicas);
      let healthy = 0;
      let refusal: { status: number; retryAfter: unknown } | undefined;
      const result = await loadDuring(
        site,
        40,
        async () => {
          const since = Date.now();
          docker("stop", postgres);
          const answer = await site.anonymous().request("/");
          refusal = { status: answer.status, retryAfter: answer.headers["retry-after"] };
          docker("start", postgres);
          await secondsUntil(() => healthySince(postgres, since), 20);
          healthy = Date.now();
        },
        { secondsAfter: 8 },
      );
      tell("stopped and started Postgres", result.requests, result.from, result);
      expect(refusal).toEqual({ status: 503, retryAfter: "5" });
      expect(kindsOfFailure(result)).toEqual(["status 503"]);
      expect(failuresBetween(result.requests, healthy + 5000, Infinity)).toEqual([]);
      expect(await startTimes(replicas)).toBe(before);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("frozen for 20 seconds makes requests wait or end with 503 or 504, and leaves nothing stuck", async () => {
      const [postgres] = site.containersOf("postgres");
      const result = await loadDuring(
        site,
        15,
        async () => {
          docker("pause", postgres);
          onTestFinished(() => {
            if (docker("inspect", "--format", "{{.State.Paused}}", postgres).trim() === "true") docker("unpause", postgres);
          });
          await sleep(20_000);
          docker("unpause", postgres);
        },
        { secondsBefore: 5, secondsAfter: 20 },
      );
      tell("froze Postgres for 20 s", result.requests, result.from, result);
      expect(kindsOfFailure(result).filter((failure) => !["status 503", "status 504"].includes(failure))).toEqual([]);
      const [before, , , later] = split(result.requests, result.from, result.to, result.to + 10_000).map(summarize);
      expect(later.failed).toBe(0);
      expect(later.p99).toBeLessThan(Math.max(1000, 3 * before.p99));
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("under a new address is found again within 10 seconds", async () => {
      const [postgres] = site.containersOf("postgres");
      const network = `${site.prefix}-db`;
      const replicas = site.containersOf("django");
      const before = await startTimes(replicas);
      const address = () => docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, postgres).trim();
      const old = address();
      let connected = 0;
      const result = await loadDuring(
        site,
        20,
        async () => {
          docker("network", "disconnect", network, postgres);
          // Whoever takes the old address must not be taken for the database.
          const other = docker("run", "--detach", "--network", network, "--entrypoint", "sleep", "nginx:1.30", "60").trim();
          onTestFinished(() => void docker("rm", "--force", other));
          docker("network", "connect", "--alias", "postgres", network, postgres);
          connected = Date.now();
        },
        { secondsAfter: 15 },
      );
      tell("gave Postgres another address", result.requests, result.from, result);
      expect(address()).not.toBe(old);
      expect(failuresBetween(result.requests, connected + 10_000, Infinity)).toEqual([]);
      expect(await startTimes(replicas)).toBe(before);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("that comes up half a minute after the app, as after a reboot, is waited for", async () => {
      const [postgres] = site.containersOf("postgres");
      const replicas = site.containersOf("django");
      docker("stop", ...replicas, postgres);
      const since = Date.now();
      docker("start", ...replicas);
      const started = await startTimes(replicas);
      await sleep(30_000);
      const during = await site.anonymous().request("/");
      docker("start", postgres);
      await secondsUntil(() => healthySince(postgres, since), 20);
      const seconds = await secondsUntil(async () => (await site.anonymous().request("/")).status === 200, 10);
      process.stdout.write(`  started the app 30 s before Postgres: status ${during.status} until then, 200 after ${seconds.toFixed(1)} s\n`);
      expect(during.status).toBe(503);
      expect(await startTimes(replicas)).toBe(started);
      for (const replica of replicas) await secondsUntil(() => healthySince(replica, since), 10);
    });
  });
}
