import { afterAll, beforeAll } from "vitest";
import { freshBehaviour } from "../behaviour/fresh.ts";
import { movingBehaviour } from "../behaviour/moving.ts";
import { ComposeStack } from "../support/compose-stack.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";
import { Site } from "../support/site.ts";

const site = new Site("dsmoving", (stack, config) => new ComposeStack(stack, config), {
  config: { backup: { passphrase: "fifteen characters and more" } },
});
beforeAll(() => site.start());
afterAll(() => site.stop());
freshBehaviour(site);
// Of the same name and so in the same copy of the checkout.
movingBehaviour(site, (stack, config) => new PulumiStack(stack, config));
