import { describe } from "vitest";
import { restoreBehaviour } from "../behaviour/data/restore.ts";
import { downgradeBehaviour, refusedUpgradeBehaviour, upgradeBehaviour } from "../behaviour/data/upgrade.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";

describe("a restore", () => restoreBehaviour("dse2erestore", (stack, config) => new PulumiStack(stack, config)));
describe("an upgrade", () => upgradeBehaviour("dse2eupgrade", (stack, config) => new PulumiStack(stack, config)));
describe("going back", () => downgradeBehaviour("dse2edowngrade", (stack, config) => new PulumiStack(stack, config)));
describe("a refused upgrade", () => refusedUpgradeBehaviour("dse2erefused", (stack, config) => new PulumiStack(stack, config)));
