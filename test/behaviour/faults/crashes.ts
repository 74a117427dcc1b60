import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { crash, failuresBetween, healthySince, secondsOfFailure, secondsUntil, tell } from "../../support/faults.ts";
import { loadDuring } from "../../support/site-load.ts";
import { logsOf, type Site } from "../../support/site.ts";

/** What the site does when a container dies under load. */
export function crashesBehaviour(site: Site, { postgresCrashes = 1 } = {}): void {
  describe("a crash", () => {
    // It runs after changes, too: a reload must not keep Docker from restarting nginx.
    test("of a replica costs at most the requests that it held, and it comes back", async () => {
      const [replica] = site.containersOf("django");
      let back = 0;
      const result = await loadDuring(site, 40, async () => {
        const since = Date.now() - 500;
        await crash(replica);
        back = await secondsUntil(() => healthySince(replica, since), 15);
      });
      tell("killed a replica", result.requests, result.from, result, { "healthy again after s": back });
      expect(failuresBetween(result.requests, 0, result.from - 1000)).toEqual([]);
      expect(failuresBetween(result.requests, result.from, Infinity).filter(({ method }) => method === "GET").length).toBeLessThanOrEqual(5);
      // A POST may not be sent twice: those that the replica was working on are lost, and their clients are told.
      expect(failuresBetween(result.requests, result.from, Infinity).length).toBeLessThanOrEqual(24);
      expect(secondsOfFailure(result.requests, result.from)).toBeLessThan(3);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("of all replicas at once is over as soon as one of them listens again", async () => {
      const replicas = site.containersOf("django");
      const listening = () => Math.min(...replicas.map((replica) => lastTimeOf(replica, "Listening at")));
      let listens = 0;
      const result = await loadDuring(site, 40, async () => {
        const since = Date.now() - 500;
        await Promise.all(replicas.map(crash));
        for (const replica of replicas) await secondsUntil(() => healthySince(replica, since), 15);
        listens = listening();
        await sleep(3000);
      });
      const lost = failuresBetween(result.requests, result.from, Infinity);
      const seconds = (Math.max(...lost.map(({ due }) => due)) - listens) / 1000;
      tell("killed all replicas", result.requests, result.from, result, { "failures after one listened for s": seconds });
      // nginx asks anew after a second, and DNS is asked each second.
      expect(seconds).toBeLessThan(2.5);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("of nginx is over within 3 seconds, and no request hangs", async () => {
      const nginx = `${site.prefix}-nginx`;
      const result = await loadDuring(site, 40, async () => {
        const since = Date.now() - 500;
        await crash(nginx);
        await secondsUntil(() => healthySince(nginx, since), 15);
      });
      tell("killed nginx", result.requests, result.from, result);
      expect(secondsOfFailure(result.requests, result.from)).toBeLessThan(3);
      expect(result.requests.filter(({ failure }) => failure?.includes("timed out"))).toEqual([]);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test(`of Postgres, ${postgresCrashes} times, loses no acknowledged write, and the app recovers by itself`, async () => {
      const [postgres] = site.containersOf("postgres");
      const replicas = site.containersOf("django");
      const times: number[] = [];
      const result = await loadDuring(site, 40, async () => {
        for (let count = 0; count < postgresCrashes; count++) {
          // Docker restarts a container at once only when it had run for ten seconds.
          if (count > 0) await sleep(12_000);
          const since = Date.now() - 500;
          await crash(postgres);
          times.push(await secondsUntil(() => healthySince(postgres, since), 10));
        }
        await sleep(6000);
      });
      tell(`killed Postgres ${postgresCrashes} times`, result.requests, result.from, result, { "healthy again after at most s": Math.max(...times) });
      expect([result.missing, result.doubled]).toEqual([[], []]);
      expect(failuresBetween(result.requests, result.to - 1000, Infinity)).toEqual([]);
      const statuses = new Set(failuresBetween(result.requests, result.from, Infinity).map(({ failure }) => failure));
      expect([...statuses].filter((failure) => failure !== "status 503")).toEqual([]);
      expect(site.containersOf("django")).toEqual(replicas);
    });
  });
}

/** When a container last wrote a line with these words, in milliseconds since 1970. */
function lastTimeOf(container: string, words: string): number {
  const line =
    logsOf(container, "--timestamps")
      .split("\n")
      .findLast((text) => text.includes(words)) ?? "";
  return Date.parse(line.split(" ")[0]);
}
