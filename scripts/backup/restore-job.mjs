// The one-shot container that restores: made like the one that makes the backups, but as root and with the media files writable.
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { Failure, output, run, tail } from "../setup/process.mjs";
import { backupContainer, containersOf } from "./container.mjs";

const script = "/usr/local/lib/backup/restore.sh";
const media = "/vol/web/media";
const capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/**
 * Returns the arguments of `docker` that run restore.sh for a stack.
 *
 * @param container what `docker inspect` says of the container that makes the stack's backups.
 * @param source the same of the stack whose backup it is; the stack's own by default.
 * @param incoming volumes by the folder that they are mounted at, such as a dump from elsewhere.
 */
export function restoreArguments({ container, source = container, incoming = {}, environment = {}, words }) {
  const name = words[0] === "replaced" ? [] : ["--name", `${container.Config.Hostname}-restore`];
  const ofPlace = (inspected, places) => inspected.Mounts.filter(({ Destination }) => places.includes(Destination));
  const own = container.Mounts.filter(({ Destination }) => !["/backups", "/run/stack", media].includes(Destination));
  const mounts = [
    ...own.map(({ Name, Destination, RW }) => ({ Name, Destination, RW })),
    ...ofPlace(container, [media]).map((mount) => ({ ...mount, RW: true })),
    ...ofPlace(source, ["/backups", "/run/stack"]).map((mount) => ({ ...mount, RW: mount.RW && source === container })),
  ];
  const variables = (inspected, pattern) => inspected.Config.Env.filter((line) => pattern.test(line));
  const envs = [
    ...variables(container, /^(BACKUP_DATABASE|MEDIA_USER)=/),
    ...variables(source, /^(RESTIC_REPOSITORY|BACKUP_FILES|BACKUP_HOST|BACKUP_TARGET)=/),
    ...(source === container ? [] : ["BACKUP_READ_ONLY=yes"]),
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
  const labels = Object.entries(container.Config.Labels).filter(([label]) => /^django-stack\.(name|stack|checkout)$/.test(label));
  return [
    ...["run", "--rm", "--init", ...name, "--read-only", "--user", "0:0", "--cap-drop", "ALL"],
    ...capabilities.flatMap((capability) => ["--cap-add", capability]),
    ...["--security-opt", "no-new-privileges:true", "--memory", String(container.HostConfig.Memory), "--network", source.HostConfig.NetworkMode],
    ...["--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=256m"],
    ...[...labels, ["django-stack.component", "restore"]].flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    ...mounts.flatMap(({ Name, Destination, RW }) => ["--volume", `${Name}:${Destination}${RW ? "" : ":ro"}`]),
    ...Object.entries(incoming).flatMap(([folder, volume]) => ["--volume", `${volume}:${folder}:ro`]),
    ...envs.flatMap((line) => ["--env", line]),
    ...["--entrypoint", "bash", container.Image, script, ...words],
  ];
}

/**
 * Runs restore.sh for a stack with this terminal's output; resolves with its exit code.
 *
 * @param {{ from?: { name: string, stack: string }, incoming?: object, environment?: object, words: string[] }} wanted
 */
export function runRestore(docker, { name, stack }, wanted) {
  const { from, incoming, environment, words } = wanted;
  const container = inspect(docker, backupContainer(docker, { name, stack }));
  const source = from === undefined ? undefined : inspect(docker, backupContainer(docker, from));
  return attached(docker, restoreArguments({ container, source, incoming, environment, words }));
}

/** Returns what earlier restores replaced: databases, and folders of the media files. */
export function replacedBefore(docker, { name, stack }) {
  const container = inspect(docker, backupContainer(docker, { name, stack }));
  const { status, stdout } = run(docker.command, [...docker.arguments, ...restoreArguments({ container, words: ["replaced"] })]);
  return status === 0 ? stdout.split("\n").filter((line) => line !== "") : [];
}

/** Runs the app's own migrations on what was restored, which may be older than the app; resolves with the exit code. */
export function migrate(docker, { name, stack }) {
  const [replica] = containersOf(docker, { name, stack, component: "django" });
  if (replica === undefined) {
    process.stdout.write("restore: no replica of the app runs; the next npm run up migrates\n");
    return 0;
  }
  const { Labels } = inspect(docker, replica).Config;
  const entry = `/run/stack/${Labels["django-stack.files"]}/entry.sh`;
  const limits = "PGOPTIONS=-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0";
  return attached(docker, ["exec", "--env", limits, replica, "sh", entry, "run", "python", "manage.py", "migrate", "--noinput", "--verbosity", "0"]);
}

/**
 * Copies a dump, and a folder of media files, into a volume of their own for the time of `work`.
 *
 * @param {{ dump: string, media?: string }} files the dump and the folder, of this machine.
 */
export async function withIncoming(docker, { name, stack }, files, work) {
  const image = inspect(docker, backupContainer(docker, { name, stack })).Image;
  const volume = output(docker.command, [...docker.arguments, "volume", "create", `${name}-${stack}-incoming`]);
  const inside = [
    "run",
    "--rm",
    "--interactive",
    "--network",
    "none",
    "--user",
    "0:0",
    "--volume",
    `${volume}:/incoming`,
    "--entrypoint",
    "sh",
    image,
    "-ec",
  ];
  try {
    await attached(docker, [...inside, "cat > /incoming/database.dump"], createReadStream(files.dump));
    if (files.media !== undefined) {
      const tar = spawn("tar", ["--create", "--file=-", `--directory=${files.media}`, "."], { stdio: ["ignore", "pipe", "inherit"] });
      await attached(docker, [...inside, "mkdir -p /incoming/media && tar --extract --file=- --directory=/incoming/media"], tar.stdout);
    }
    return await work({ "/incoming": volume });
  } finally {
    run(docker.command, [...docker.arguments, "volume", "rm", volume]);
  }
}

function inspect(docker, id) {
  const { status, stdout, stderr } = run(docker.command, [...docker.arguments, "inspect", id]);
  if (status !== 0) throw new Failure("restore", tail(stderr, 1), "docker ps");
  return JSON.parse(stdout)[0];
}

function attached(docker, args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(docker.command, [...docker.arguments, ...args], { stdio: [input === undefined ? "ignore" : "pipe", "inherit", "inherit"] });
    // Ctrl-C reaches docker too, which hands it on; what it ends in order is waited for.
    const ignore = () => {};
    process.on("SIGINT", ignore);
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("SIGINT", ignore);
      resolve(code ?? 1);
    });
    if (input !== undefined) {
      child.stdin.on("error", () => {});
      input.pipe(child.stdin);
    }
  });
}
