import { afterAll, beforeAll } from "vitest";
import { killedBehaviour } from "../behaviour/faults/killed.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { Site } from "../support/site.ts";

const site = new Site("dskilled", (stack, config) => new ContainerStack(stack, config));
beforeAll(() => site.start());
afterAll(() => site.stop());
killedBehaviour(site, site.stack as ContainerStack);
