import * as pulumi from "@pulumi/pulumi";
import type { BackupConfig } from "../backup-config.ts";
import type { Config } from "../config.ts";
import { database } from "./database-roles.ts";

export interface BackupEnvironmentArgs {
  readonly backup: Pick<BackupConfig, "repository" | "target" | "schedule" | "keepDaily" | "keepWeekly" | "keepMonthly" | "maxAgeHours">;
  /** Name of the stack: whose backups they are. */
  readonly prefix: string;
  /** Whom restored uploads belong to. */
  readonly app: Pick<Config["app"], "uid" | "gid">;
  /** Libraries that a server with this data loads at its start; empty for none. */
  readonly preloadLibraries: string;
  /** Folder of the secret files. */
  readonly filesId: pulumi.Input<string>;
}

/** Returns the environment of backup.sh and restore.sh as `NAME=value`, sorted by name; it holds no secret. */
export function renderBackupEnvironment({ backup, prefix, app, preloadLibraries, filesId }: BackupEnvironmentArgs): pulumi.Input<string>[] {
  return [
    `BACKUP_DATABASE=${database}`,
    pulumi.interpolate`BACKUP_FILES=/run/stack/${filesId}`,
    `BACKUP_HOST=${prefix}`,
    `BACKUP_KEEP_DAILY=${backup.keepDaily}`,
    `BACKUP_KEEP_MONTHLY=${backup.keepMonthly}`,
    `BACKUP_KEEP_WEEKLY=${backup.keepWeekly}`,
    `BACKUP_MAX_AGE_HOURS=${backup.maxAgeHours}`,
    `BACKUP_PRELOAD_LIBRARIES=${preloadLibraries}`,
    `BACKUP_TARGET=${backup.target}`,
    `BACKUP_TIMES=${backup.schedule.join(" ")}`,
    `MEDIA_USER=${app.uid}:${app.gid}`,
    `RESTIC_REPOSITORY=${backup.repository}`,
  ];
}

/** Returns the secret files of backup.sh and restore.sh by name; secret. */
export function backupSecrets(
  passphrase: pulumi.Output<string>,
  { credentials, sshKey, sshHostKeys }: Pick<BackupConfig, "credentials" | "sshKey" | "sshHostKeys">,
): pulumi.Output<Record<string, string>> {
  return pulumi.secret(
    pulumi.all([passphrase, credentials, sshKey ?? pulumi.output(undefined)]).apply(([phrase, variables, key]): Record<string, string> => {
      const files = { passphrase: phrase, environment: renderShellVariables(variables), "ssh-key": key, "known-hosts": sshHostKeys };
      return Object.fromEntries(Object.entries(files).flatMap(([name, content]) => (content === undefined ? [] : [[name, content]])));
    }),
  );
}

/** Returns lines that a shell reads as variables with just these values. */
export function renderShellVariables(variables: Readonly<Record<string, string>>): string {
  return Object.keys(variables)
    .sort()
    .map((name) => `${name}='${variables[name].replaceAll("'", "'\\''")}'\n`)
    .join("");
}
