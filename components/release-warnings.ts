import type { DockerCommand } from "./docker-engine.ts";

/** Returns what a release job warned of: what works otherwise than the project's developers will expect. */
export async function releaseWarnings(docker: DockerCommand, container: string): Promise<string[]> {
  const { stdout } = await docker("logs", container);
  return stdout.split("\n").flatMap((line) => /^release: warning: (.*)$/.exec(line.trimEnd())?.[1] ?? []);
}
