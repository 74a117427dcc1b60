import { prodBehaviour } from "../behaviour/prod.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";

prodBehaviour("dse2e", (stack, config) => new PulumiStack(stack, config));
