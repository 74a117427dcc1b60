import { afterAll, beforeAll } from "vitest";
import type { MakeStack } from "../../support/stack-driver.ts";
import { TrafficSite } from "../../support/traffic-site.ts";
import { answersBehaviour } from "./answers.ts";
import { cacheBehaviour } from "./cache.ts";
import { guardsBehaviour } from "./guards.ts";
import { workersBehaviour } from "./workers.ts";

/** What nginx does with requests on their way to Django, whoever runs the program. */
export function trafficBehaviour(name: string, makeStack: MakeStack): void {
  const site = new TrafficSite(name, makeStack);
  beforeAll(() => site.start());
  afterAll(() => site.stop());
  answersBehaviour(site);
  cacheBehaviour(site);
  guardsBehaviour(site);
  workersBehaviour(site);
}
