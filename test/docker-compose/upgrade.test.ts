import { describe } from "vitest";
import { downgradeBehaviour, refusedUpgradeBehaviour, upgradeBehaviour } from "../behaviour/data/upgrade.ts";
import { ComposeStack } from "../support/compose-stack.ts";

describe("an upgrade", () => upgradeBehaviour("dsupgrade", (stack, config) => new ComposeStack(stack, config)));
describe("going back", () => downgradeBehaviour("dsdowngrade", (stack, config) => new ComposeStack(stack, config)));
describe("a refused upgrade", () => refusedUpgradeBehaviour("dsrefused", (stack, config) => new ComposeStack(stack, config)));
