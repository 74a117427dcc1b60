import type { BackupConfig } from "../backup-config.ts";
import { DockerError, type DockerCommand } from "./docker-engine.ts";
import { labelFilters } from "./labels.ts";

export interface BackupWarningsArgs {
  readonly docker: DockerCommand;
  /** Name and stack, by which the container is found. */
  readonly name: string;
  readonly stack: string;
  /** Undefined where no backups are made. */
  readonly backup: Pick<BackupConfig, "remote"> | undefined;
}

/** Returns what is wrong with a production stack's backups, one line each. */
export async function backupWarnings({ docker, name, stack, backup }: BackupWarningsArgs): Promise<string[]> {
  if (backup === undefined) return ["backup.enabled is false: nobody makes backups of this stack's data"];
  const sameHost = backup.remote
    ? []
    : [
        "backup.target: the backups are on the same Docker host as the data, and are lost with it; set it to sftp:user@host:/path or s3:https://host/bucket",
      ];
  return [...sameHost, ...(await lateness(docker, { name, stack }))];
}

async function lateness(docker: DockerCommand, owner: { readonly name: string; readonly stack: string }): Promise<string[]> {
  try {
    const { stdout } = await docker("ps", "--quiet", ...labelFilters({ ...owner, component: "backup" }));
    const [container] = stdout.split("\n");
    if (container === "") return [];
    const { stdout: late } = await docker("exec", container, "bash", "-c", "bash /usr/local/lib/backup/backup.sh late || true");
    return late.trim() === "" ? [] : [`${late.trim()}; see docker logs ${container}`];
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return [`the backups can't be asked for their state: ${error.message}`];
  }
}
