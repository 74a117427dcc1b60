import { prodBehaviour } from "../behaviour/prod.ts";
import { ContainerStack } from "../support/container-stack.ts";

prodBehaviour("dscontainers", (stack, config) => new ContainerStack(stack, config));
