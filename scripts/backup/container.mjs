// The container that makes a stack's backups, and what the commands ask of it.
import { spawnSync } from "node:child_process";
import { Failure, output, run, tail } from "../setup/process.mjs";

const script = "/usr/local/lib/backup/backup.sh";

/** Finds the running containers of a stack's component, newest first. */
export function containersOf(docker, { name, stack, component }) {
  const filters = Object.entries({ name, stack, component }).flatMap(([key, value]) => ["--filter", `label=django-stack.${key}=${value}`]);
  return output(docker.command, [...docker.arguments, "ps", "--no-trunc", "--quiet", ...filters])
    .split("\n")
    .filter((id) => id !== "");
}

/** Returns the id of the container that makes the backups; throws a Failure where there is none. */
export function backupContainer(docker, { name, stack }) {
  const [id] = containersOf(docker, { name, stack, component: "backup" });
  if (id === undefined) {
    const fix = `set backup.enabled to true, then npm run up -- ${stack}`;
    throw new Failure("backup", `stack ${stack} has no running container that makes backups`, fix);
  }
  return id;
}

/** Runs a command of backup.sh with this terminal's output; returns its exit code. */
export function runBackup(docker, container, words) {
  return spawnSync(docker.command, [...docker.arguments, "exec", container, "bash", script, ...words], { stdio: "inherit" }).status ?? 1;
}

/** Returns what a command of backup.sh prints; throws a Failure with its last line when it fails. */
export function askBackup(docker, container, words, timeoutSeconds = 120) {
  const { status, stdout, stderr } = run(docker.command, [...docker.arguments, "exec", container, "bash", script, ...words], { timeoutSeconds });
  if (status !== 0) throw new Failure("backup", tail(stderr + stdout, 1), `docker logs ${container.slice(0, 12)}`);
  return stdout;
}

/** Returns the backups, newest last: id, date, whether it was proven, bytes of all that it holds. */
export function listBackups(docker, container) {
  return JSON.parse(askBackup(docker, container, ["list"]) || "[]").map(({ short_id: id, time, tags, summary }) => ({
    id,
    made: new Date(time),
    proven: (tags ?? []).includes("verified"),
    bytes: summary?.total_bytes_processed ?? 0,
  }));
}

/** Returns what the container knows of its last backups, by name; empty values are left out. */
export function readStatus(docker, container) {
  const lines = askBackup(docker, container, ["status"]).split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)).filter(([key, value]) => key !== "" && value));
}

/** Returns a backup's line of the list. */
export function renderBackup({ id, made, proven, bytes }) {
  return `${id}  ${made.toISOString().slice(0, 16).replace("T", " ")} UTC  ${proven ? "proven    " : "not proven"}  ${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * Returns what `status` prints.
 *
 * @param late what is wrong with the age of the last proven backup; "" for nothing.
 * @param kept the list, or the error that kept it from being read.
 */
export function renderStatus({ status, kept, replaced, late, now }) {
  const ago = (seconds) => {
    const hours = Math.floor((now / 1000 - Number(seconds)) / 3600);
    return hours < 1
      ? "less than an hour ago"
      : hours === 1
        ? "an hour ago"
        : hours < 48
          ? `${hours} hours ago`
          : `${Math.floor(hours / 24)} days ago`;
  };
  const proven = Array.isArray(kept) ? kept.filter((backup) => backup.proven).length : 0;
  return [
    `last proven   ${status.verified_id === undefined ? "none" : `${status.verified_id}, ${ago(status.verified_at)}`}`,
    `kept          ${Array.isArray(kept) ? `${proven} proven${kept.length > proven ? `, ${kept.length - proven} not proven` : ""}` : kept}`,
    `last failure  ${status.failure === undefined ? "none since" : `${status.failure}, ${ago(status.failed_at)}`}`,
    ...(replaced.length > 0 ? [`replaced by restores and still kept: ${replaced.join(", ")}`] : []),
    ...(late === "" ? [] : [late]),
  ].join("\n");
}
