import { backgroundBehaviour } from "../behaviour/background.ts";
import { ContainerStack } from "../support/container-stack.ts";

backgroundBehaviour("dsbackground", (stack, config) => new ContainerStack(stack, config));
