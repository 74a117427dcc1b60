import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { summarize } from "../../../bench/load/summary.ts";
import { tell } from "../../support/faults.ts";
import type { ContainerStack } from "../../support/container-stack.ts";
import { loadDuring } from "../../support/site-load.ts";
import { logsOf, type Site } from "../../support/site.ts";

/** What visitors notice when gunicorn replaces a worker that has answered enough requests. */
export function recyclingBehaviour(site: Site, stack: ContainerStack): void {
  describe("a recycled worker", () => {
    test("costs no request, however often", async () => {
      stack.adjust = (inputs) =>
        inputs.command?.[1] === "gunicorn"
          ? {
              ...inputs,
              command: inputs.command.map((word: string) =>
                word.replace(/^--max-requests=.*/, "--max-requests=50").replace(/^--max-requests-jitter=.*/, "--max-requests-jitter=10"),
              ),
            }
          : inputs;
      await site.up();
      const result = await loadDuring(site, 40, () => sleep(120_000));
      const recycled = site.containersOf("django").reduce((sum, replica) => sum + logsOf(replica).split("Autorestarting worker").length - 1, 0);
      tell("recycled workers after 50 requests", result.requests, result.from, result, { recycled });
      expect(recycled).toBeGreaterThan(50);
      expect(summarize(result.requests).failures).toEqual({});
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });
  });
}
