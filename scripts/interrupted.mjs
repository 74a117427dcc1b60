// What a killed `up` leaves: its lock, and containers that it made and couldn't record.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Failure, output, run } from "./setup/process.mjs";
import { projectName } from "./setup/stack-config.mjs";
import { step } from "./setup/terminal.mjs";

/** Removes the stack's lock when the process that took it on this machine is gone; throws a Failure when it still runs. */
export function clearStaleLock(root, stack, isAlive = alive) {
  const folder = join(root, ".state", ".pulumi", "locks", "organization", projectName(root), stack);
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const lock = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const here = lock.hostname === hostname();
    if (here && !isAlive(lock.pid)) {
      rmSync(join(folder, file));
      step("lock", `removed that of an interrupted command (process ${lock.pid} is gone)`);
    } else {
      const who = `process ${lock.pid} of ${lock.username} on ${lock.hostname}, since ${lock.timestamp}`;
      const fix = here ? "wait for it, or end it" : `make sure that it is over, then npm run pulumi -- cancel --stack ${stack}`;
      throw new Failure("lock", `another command works on stack ${stack}: ${who}`, fix);
    }
  }
}

/** Whether a process runs. */
export function alive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  const status = join("/proc", String(pid), "stat");
  // One that was killed keeps its number until its parent, in a container often a slow one, has asked for its end.
  return !(existsSync(status) && /^\d+ \(.*\) Z /s.test(readFileSync(status, "utf8")));
}

/**
 * Finds this checkout's containers and networks of a stack that its state doesn't know, but a restore under way and what Docker
 * Compose made.
 */
export function findOrphans(docker, { name: stackName, stack, checkout, state }) {
  const resources = state.deployment?.resources ?? [];
  const kinds = [
    { type: "docker:index/container:Container", list: ["ps", "--all"], name: "{{.Names}}", remove: ["rm", "--force", "--volumes"] },
    { type: "docker:index/network:Network", list: ["network", "ls"], name: "{{.Name}}", remove: ["network", "rm"] },
  ];
  return kinds.flatMap(({ type, list, name, remove }) => {
    const known = new Set(resources.filter((resource) => resource.type === type).map(({ id }) => id));
    const labels = { name: stackName, stack, checkout };
    const filters = Object.entries(labels).flatMap(([key, value]) => ["--filter", `label=django-stack.${key}=${value}`]);
    const listed = output(docker.command, [
      ...docker.arguments,
      ...list,
      "--no-trunc",
      "--format",
      `{{.ID}} ${name} {{.Label "com.docker.compose.project"}}`,
      ...filters,
    ]);
    return (
      listed
        .split("\n")
        .map((line) => line.split(" "))
        // A restore is nobody's but its own command's.
        .filter(([id, found, project = ""]) => id !== "" && !known.has(id) && !found.endsWith("-backup-restore") && project === "")
        .map(([id, found]) => ({ name: found, command: [...remove, id] }))
    );
  });
}

/** Removes what findOrphans found. */
export function removeOrphans(docker, orphans) {
  for (const { command } of orphans) run(docker.command, [...docker.arguments, ...command]);
}
