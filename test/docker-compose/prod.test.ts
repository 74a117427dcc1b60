import { afterAll, beforeAll } from "vitest";
import { browserBehaviour } from "../behaviour/browser.ts";
import { composeBehaviour } from "../behaviour/compose.ts";
import { freshBehaviour } from "../behaviour/fresh.ts";
import { movingBehaviour } from "../behaviour/moving.ts";
import { secretsBehaviour } from "../behaviour/secrets.ts";
import { ComposeStack } from "../support/compose-stack.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { hasIpv6, Site } from "../support/site.ts";

const site = new Site("dscompose", (stack, config) => new ComposeStack(stack, config), {
  config: { bindAddress: ["127.0.0.1", ...(hasIpv6 ? ["::1"] : [])], backup: { passphrase: "fifteen characters and more" } },
});
beforeAll(() => site.start());
afterAll(() => site.stop());
freshBehaviour(site);
browserBehaviour(site);
secretsBehaviour(site);
composeBehaviour(site);
movingBehaviour(site, (stack, config) => new ContainerStack(stack, config));
