import { afterAll, beforeAll } from "vitest";
import { killedBehaviour } from "../behaviour/faults/killed.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";
import { Site } from "../support/site.ts";

const site = new Site("dse2ekilled", (stack, config) => new PulumiStack(stack, config));
beforeAll(() => site.start());
afterAll(() => site.stop());
killedBehaviour(site, site.stack as PulumiStack);
