// Starts programs that leave the processors to a site's visitors where both want them.
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

/**
 * Steps of priority that it gives up: it weighs 110 then, where a program without weighs 1024 (Linux' sched_prio_to_weight), a little less than
 * what may wait in containers (`cpu_shares` 128). More of them would keep a deploy that is to mend an overloaded site from ever ending.
 */
const niceness = 10;

/**
 * Starts a program with a low priority, in a session of its own: Linux shares processors out between sessions (sched_autogroup_enabled),
 * and only within one by priority. Signals of a terminal don't reach it there.
 *
 * @param options of `spawn`.
 */
export function spawnLowPriority(command, args, options) {
  const child = spawn("nice", ["-n", String(niceness), command, ...args], { ...options, detached: true });
  const group = `/proc/${child.pid}/autogroup`;
  if (existsSync(group)) lower(group);
  return child;
}

function lower(group) {
  try {
    writeFileSync(group, String(niceness));
  } catch {
    // The kernel lets nobody but root set a second one within a tenth of a second: the program's own priority has to do then.
  }
}
