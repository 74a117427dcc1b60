import { describe } from "vitest";
import { downgradeBehaviour, refusedUpgradeBehaviour, upgradeBehaviour } from "../behaviour/data/upgrade.ts";
import { ContainerStack } from "../support/container-stack.ts";

describe("an upgrade", () => upgradeBehaviour("dsupgrade", (stack, config) => new ContainerStack(stack, config)));
describe("going back", () => downgradeBehaviour("dsdowngrade", (stack, config) => new ContainerStack(stack, config)));
describe("a refused upgrade", () => refusedUpgradeBehaviour("dsrefused", (stack, config) => new ContainerStack(stack, config)));
