import { setTimeout as sleep } from "node:timers/promises";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { ContainerStack } from "../test/support/container-stack.ts";
import { Site } from "../test/support/site.ts";
import { visitors } from "../test/support/visitors.ts";
import { startLoad } from "./load/start-load.ts";
import { split, summarize, overlap } from "./load/summary.ts";

test("x", async () => {
  const site = new Site("dsscratch", (stack, config) => new ContainerStack(stack, config));
  await site.start();
  try {
    const people = visitors(site.containersOf("django")[0], "admin", 300);
    const args = {
      url: site.outputs.url,
      authority: site.outputs.caCertificate,
      patienceMilliseconds: 40000,
      perSecond: 200,
      seconds: 300,
      reads: [
        { path: "/", contains: "<h1>" },
        { path: "/api/movies/?search=nothing", contains: "results" },
        { path: "/healthz", contains: "ok" },
      ],
      postPath: "/api/movies/",
      titlePrefix: "load-",
      visitors: people,
    };
    const running = startLoad(args);
    await sleep(15000);
    const t0 = Date.now();
    appendFileSync(join(site.project, "movies/views.py"), "# changed\n");
    const old = site.outputs.release;
    await site.up();
    const t1 = Date.now();
    await sleep(10000);
    const all = await running.stop();
    console.log(old, site.outputs.release, t1 - t0, overlap(all, old, site.outputs.release));
    for (const part of split(all, t0, t1)) console.log(JSON.stringify(summarize(part)));
    const bykind = Map.groupBy(all, (r) => r.kind + r.method);
    for (const [k, v] of bykind) console.log(k, JSON.stringify(summarize(v)));
  } finally {
    await site.stop();
  }
}, 600000);
