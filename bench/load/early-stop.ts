import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { reloads } from "../../test/support/reloads.ts";

/**
 * Stops containers in the moment that nginx goes over to a configuration without them, and not, as a roll-out does, once all else is done.
 *
 * On a slow machine the connections that a reload keeps are gone by then, and nobody is left to miss the containers.
 *
 * @param nginx name of nginx's container.
 * @param graceSeconds how long each has, from its signal on.
 */
export async function stopAtReload(nginx: string, containers: readonly string[], graceSeconds: number): Promise<void> {
  // The first one lets the new replicas join the old ones.
  await reloads(nginx, 2);
  await promisify(execFile)("docker", ["stop", "--time", String(graceSeconds), ...containers]);
}
