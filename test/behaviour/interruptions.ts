import { describe, expect, test } from "vitest";
import { query } from "../support/backups.ts";
import { failuresBetween, secondsOfFailure, tell } from "../support/faults.ts";
import { loadDuring } from "../support/site-load.ts";
import type { Site } from "../support/site.ts";

/** The changes that can't go without an interruption, and how short it is. */
export function interruptionsBehaviour(site: Site): void {
  const { stack } = site;

  describe("an interruption that can't be avoided", () => {
    test("a new limit of nginx refuses connections for at most 3 seconds, and no request hangs", async () => {
      const nginx = stack.config.nginx as Record<string, unknown> | undefined;
      stack.config = { ...stack.config, nginx: { ...nginx, cpus: 0.9 } };
      const result = await loadDuring(site, 30, () => site.up());
      const failed = failuresBetween(result.requests, 0, Infinity);
      const seconds = failed.length === 0 ? 0 : (failed.at(-1)!.due - failed[0].due) / 1000;
      tell("replaced nginx", result.requests, result.from, result, { "refused for s": seconds });
      expect(failed.length).toBeGreaterThan(0);
      expect(seconds).toBeLessThan(3);
      expect(failed.filter(({ failure }) => failure?.includes("timed out"))).toEqual([]);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("new limits, settings and extensions of Postgres are answered with 503 or a wait, and nothing hangs", async () => {
      const settings = { shared_preload_libraries: "pg_stat_statements", log_line_prefix: `%m 'x' "y" ` };
      stack.config = { ...stack.config, postgres: { memory: "900m", settings, extensions: ["pg_stat_statements"] } };
      const result = await loadDuring(site, 30, () => site.up());
      tell("replaced Postgres", result.requests, result.from, result);
      const kinds = new Set(failuresBetween(result.requests, 0, Infinity).map(({ failure }) => failure));
      expect([...kinds]).toEqual(["status 503"]);
      expect(secondsOfFailure(result.requests, result.from)).toBeLessThan(20);
      expect([result.missing, result.doubled]).toEqual([[], []]);
      expect(query(site, "SELECT count(*) > 0 FROM pg_stat_statements; SHOW log_line_prefix").split("\n")).toEqual(["t", `%m 'x' "y"`]);
    });
  });
}
