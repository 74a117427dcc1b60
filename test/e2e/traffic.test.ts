import { trafficBehaviour } from "../behaviour/traffic/traffic.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";

trafficBehaviour("dse2etraffic", (stack, config) => new PulumiStack(stack, config));
