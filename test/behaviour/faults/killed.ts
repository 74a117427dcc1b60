import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { summarize } from "../../../bench/load/summary.ts";
import { findOrphans, removeOrphans } from "../../../scripts/interrupted.mjs";
import type { ContainerStack } from "../../support/container-stack.ts";
import { tell } from "../../support/faults.ts";
import { loadDuring } from "../../support/site-load.ts";
import { docker, type Site } from "../../support/site.ts";

/** An operation of a code change, from 1, and the seconds after its beginning. */
type Point = readonly [operation: number, seconds: number];

/** The image is there, the release job, two replicas, the files of nginx that are then made live, the first removal. */
const points: readonly Point[] = [[1, 0], [2, 0.2], [2, 2], [3, 0.2], [3, 1.5], [4, 4], [5, 0.2], [5, 0.8], [5, 1.6], [6, 0.5]]; // prettier-ignore

/** A code change whose `up` is killed, and run again by `npm run up`. */
export function killedBehaviour(site: Site, stack: ContainerStack): void {
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
          const checkout = docker("inspect", "--format", '{{index .Config.Labels "django-stack.checkout"}}', `${site.prefix}-nginx`).trim();
          const state = { deployment: { resources: stack.recorded } };
          const engine = { command: "docker", arguments: [] };
          const orphans = findOrphans(engine, { name: site.name, stack: "prod", checkout, state });
          removeOrphans(engine, orphans);
          seen = { killed: begun.at(-1), orphans: orphans.map(({ name }: { name: string }) => name).join(" ") || "none" };
          await site.up();
        });
        tell(`killed up ${seconds} s into operation ${operation}`, result.requests, result.from, result, seen);
        expect([summarize(result.requests).failures, result.missing, result.doubled]).toEqual([{}, [], []]);
        expect((await site.anonymous().request("/")).text).toContain(`<h1>${title}</h1>`);
        const recorded = stack.recorded.map(({ id }) => id);
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
