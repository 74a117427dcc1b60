import { afterAll, beforeAll } from "vitest";
import { hasIpv6, Site } from "../support/site.ts";
import type { MakeStack } from "../support/stack-driver.ts";
import { browserBehaviour } from "./browser.ts";
import { changesBehaviour } from "./changes.ts";
import { destroyBehaviour } from "./data/destroy.ts";
import { edgeBehaviour } from "./edge.ts";
import { failedChangesBehaviour } from "./failed-changes.ts";
import { crashesBehaviour } from "./faults/crashes.ts";
import { freshBehaviour } from "./fresh.ts";
import { interruptionsBehaviour } from "./interruptions.ts";
import { secretsBehaviour } from "./secrets.ts";
import { transfersBehaviour } from "./transfers.ts";

/** What production has to do, whoever runs the program: real containers, under traffic where it says so. */
export function prodBehaviour(name: string, makeStack: MakeStack): void {
  const site = new Site(name, makeStack, {
    config: {
      bindAddress: ["127.0.0.1", ...(hasIpv6 ? ["::1"] : [])],
      // More than the host has: a limit, not a demand.
      postgres: { cpus: 256 },
    },
  });
  beforeAll(() => site.start());
  afterAll(() => site.stop());
  freshBehaviour(site);
  browserBehaviour(site);
  secretsBehaviour(site);
  changesBehaviour(site);
  transfersBehaviour(site);
  failedChangesBehaviour(site);
  interruptionsBehaviour(site);
  edgeBehaviour(site);
  crashesBehaviour(site);
  destroyBehaviour(site);
}
