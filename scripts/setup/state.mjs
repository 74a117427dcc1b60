// Where Pulumi keeps the record of what it made.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectName } from "./stack-config.mjs";

/** Whether it is elsewhere than in this checkout, so that others may be at work on it. */
export function sharesState(root, environment) {
  const ofProject = /^backend:\s*\n\s+url:\s*["']?([^\s"']+)/m.exec(readFileSync(join(root, "Pulumi.yaml"), "utf8"))?.[1];
  return (environment.PULUMI_BACKEND_URL || ofProject) !== "file://./.state";
}

/** Whether there is one of a stack in this checkout, or may be one elsewhere. */
export function mayHaveState(root, environment, stack) {
  return sharesState(root, environment) || existsSync(join(root, ".state", ".pulumi", "stacks", projectName(root), `${stack}.json`));
}
