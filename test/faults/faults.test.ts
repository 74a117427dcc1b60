import { afterAll, beforeAll } from "vitest";
import { crashesBehaviour } from "../behaviour/faults/crashes.ts";
import { databaseBehaviour } from "../behaviour/faults/database.ts";
import { exhaustionBehaviour } from "../behaviour/faults/exhaustion.ts";
import { recyclingBehaviour } from "../behaviour/faults/recycling.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { Site } from "../support/site.ts";

const site = new Site("dsfaults", (stack, config) => new ContainerStack(stack, config));
beforeAll(() => site.start());
afterAll(() => site.stop());
crashesBehaviour(site, { postgresCrashes: 10 });
databaseBehaviour(site);
exhaustionBehaviour(site);
recyclingBehaviour(site, site.stack as ContainerStack);
