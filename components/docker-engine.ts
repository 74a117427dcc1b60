import { execFile } from "node:child_process";
import { patientCpuShares } from "./profiles.ts";

/**
 * Runs the docker CLI against the engine that the stack runs on, local or over ssh, and returns its standard output and error.
 *
 * Hooks and checks use it because it reaches an engine in the same ways as the provider: socket, DOCKER_HOST, ssh.
 */
export type DockerCommand = (...args: string[]) => Promise<{ readonly stdout: string; readonly stderr: string }>;

/** A docker command that failed: `message` is the last line that it printed, `code` its exit code or ENOENT. */
export class DockerError extends Error {
  readonly code: number | string;

  constructor(message: string, code: number | string) {
    super(message);
    this.name = "DockerError";
    this.code = code;
  }
}

/**
 * Returns a function that runs docker commands, each for 60 seconds at most.
 *
 * @param dockerHost address such as `ssh://root@server`; undefined for the docker CLI's own choice.
 */
export function dockerCommand(dockerHost: string | undefined): DockerCommand {
  return (...args) =>
    new Promise((resolve, reject) => {
      const all = dockerHost === undefined ? args : ["--host", dockerHost, ...args];
      execFile("docker", all, { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error === null) return resolve({ stdout, stderr });
        const cause = error.killed ? `docker ${args[0]} didn't end within 60 s` : causeIn(stderr) || error.message;
        reject(new DockerError(cause, error.code ?? 1));
      });
    });
}

/** Returns the last line that docker wrote to its standard error, without the hint at its help that it ends with from version 23 on. */
export function causeIn(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => !/^(See|Run) 'docker .*--help'/.test(line));
  return lastLines(lines.join("\n"), 1);
}

/** Returns the last `count` lines that aren't blank. */
export function lastLines(text: string, count: number): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .join("\n");
}

export interface VolumeCommandArgs {
  readonly docker: DockerCommand;
  /** Id of an image with a shell. */
  readonly image: string;
  /** Volumes by the path where the script finds them. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Container whose network and processes it shares. @default - no network, and its own processes alone */
  readonly beside?: string;
  /** Shell script; the words are its arguments. */
  readonly script: string;
  readonly words: readonly string[];
}

/** Runs a shell script as root on volumes, in a container that is gone afterwards, while requests go first; returns what it says. */
export async function runOnVolumes({ docker, image, volumes, beside, script, words }: VolumeCommandArgs): Promise<string> {
  const mounts = Object.entries(volumes).flatMap(([path, volume]) => ["--volume", `${volume}:${path}`]);
  const place = beside === undefined ? ["--network", "none"] : ["--network", `container:${beside}`, "--pid", `container:${beside}`];
  const options = ["--user", "0:0", ...place, "--cpu-shares", String(patientCpuShares), ...mounts];
  return (await docker("run", "--rm", ...options, "--entrypoint", "/bin/sh", image, "-ec", script, "sh", ...words)).stdout.trim();
}
