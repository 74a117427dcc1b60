import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/**
 * Stops containers in the moment that nginx goes over to a configuration without them, and not, as a roll-out does, once all else is done.
 *
 * On a slow machine the connections that a reload keeps are gone by then, and nobody is left to miss the containers.
 *
 * @param nginx name of nginx's container.
 * @param graceSeconds how long each has, from its signal on.
 */
export async function stopAtReload(nginx: string, containers: readonly string[], graceSeconds: number): Promise<void> {
  const log = spawn("docker", ["logs", "--follow", "--since", new Date().toISOString(), nginx], { stdio: ["ignore", "ignore", "pipe"] });
  let reloads = 0;
  for await (const line of createInterface(log.stderr)) {
    // The first one lets the new replicas join the old ones.
    if (line.includes("reconfiguring") && ++reloads === 2) break;
  }
  log.kill();
  await promisify(execFile)("docker", ["stop", "--time", String(graceSeconds), ...containers]);
}
