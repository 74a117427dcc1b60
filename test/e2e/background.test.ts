import { backgroundBehaviour } from "../behaviour/background.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";

backgroundBehaviour("dse2eback", (stack, config) => new PulumiStack(stack, config));
