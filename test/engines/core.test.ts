import { prodBehaviour } from "../behaviour/prod.ts";
import { ContainerStack } from "../support/container-stack.ts";

prodBehaviour("dsengine", (stack, config) => new ContainerStack(stack, config));
