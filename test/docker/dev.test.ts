import { devBehaviour } from "../behaviour/dev.ts";
import { ContainerStack } from "../support/container-stack.ts";

devBehaviour("dscontainers", (stack, config) => new ContainerStack(stack, config));
