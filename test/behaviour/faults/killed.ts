import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { summarize } from "../../../bench/load/summary.ts";
import { tell } from "../../support/faults.ts";
import { loadDuring } from "../../support/site-load.ts";
import { docker, type Site } from "../../support/site.ts";
import type { KillableStack } from "../../support/stack-driver.ts";

/** An operation of a code change, from 1, and the seconds after its beginning. */
type Point = readonly [operation: number, seconds: number];

/** The image is there, the release job, two replicas, the files of nginx that are then made live, the first removal. */
const points: readonly Point[] = [[1, 0], [2, 0.2], [2, 2], [3, 0.2], [3, 1.5], [4, 4], [5, 0.2], [5, 0.8], [5, 1.6], [6, 0.5]]; // prettier-ignore

/** A code change whose `up` is killed, and run again by `npm run up`. */
export function killedBehaviour(site: Site, stack: KillableStack): void {
  const page = join(site.project, "movies/templates/movies/index.html");

  describe("an up that is killed", () => {
    test.each(points)(
      "in operation %i of a code change, after %d s, is finished by the next one, with no failed request and nothing left over",
      async (operation, seconds) => {
        const title = `Killed ${operation} ${seconds}`;
        writeFileSync(page, readFileSync(page, "utf8").replace(/<h1>[^<]*/, `<h1>${title}`));
        let seen: Record<string, unknown> = {};
        const result = await loadDuring(site, 30, async () => {
          const begun = await stack.upKilled(operation, seconds);
          seen = { killed: begun.at(-1) ?? "before anything was begun" };
          await stack.upAgain();
          await site.up();
        });
        tell(`killed up ${seconds} s into operation ${operation}`, result.requests, result.from, result, seen);
        expect([summarize(result.requests).failures, result.missing, result.doubled]).toEqual([{}, [], []]);
        expect((await site.anonymous().request("/")).text).toContain(`<h1>${title}</h1>`);
        const recorded = await stack.recorded();
        const containers = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", `label=django-stack.name=${site.name}`);
        expect(
          containers
            .trim()
            .split("\n")
            .filter((id) => !recorded.includes(id)),
        ).toEqual([]);
        expect((await stack.up()).operations).toEqual([]);
      },
    );
  });
}
