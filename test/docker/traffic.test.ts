import { trafficBehaviour } from "../behaviour/traffic/traffic.ts";
import { ContainerStack } from "../support/container-stack.ts";

trafficBehaviour("dstraffic", (stack, config) => new ContainerStack(stack, config));
