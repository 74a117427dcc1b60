import { restoreBehaviour } from "../behaviour/data/restore.ts";
import { ContainerStack } from "../support/container-stack.ts";

restoreBehaviour("dsrestore", (stack, config) => new ContainerStack(stack, config));
