import { devBehaviour } from "../behaviour/dev.ts";
import { ComposeStack } from "../support/compose-stack.ts";

devBehaviour("dscompose", (stack, config) => new ComposeStack(stack, config));
