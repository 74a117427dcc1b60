import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Resolves when an nginx has been told to reload so many times from now on. */
export async function reloads(container: string, count: number): Promise<void> {
  const log = spawn("docker", ["logs", "--follow", "--tail", "0", container], { stdio: ["ignore", "ignore", "pipe"] });
  let seen = 0;
  for await (const line of createInterface(log.stderr)) if (line.includes("reconfiguring") && !line.includes("SIGHUP") && ++seen === count) break;
  log.kill();
}
