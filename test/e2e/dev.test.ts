import { devBehaviour } from "../behaviour/dev.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";

devBehaviour("dse2e", (stack, config) => new PulumiStack(stack, config));
