import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config.ts";
import { problem } from "./config-problem.ts";
import { readOwnFile, readPem } from "./own-files.ts";

/** Backups as the components need them. */
export interface BackupConfig extends Pick<
  Settings["backup"],
  "target" | "schedule" | "keepDaily" | "keepWeekly" | "keepMonthly" | "maxAgeHours" | "resticImage" | "cpus" | "memory"
> {
  /** restic's name of the place. */
  readonly repository: string;
  /** Folder of the Docker host that holds it; undefined for a volume or another host. */
  readonly folder: string | undefined;
  /** Whether it is on another host. */
  readonly remote: boolean;
  /** Whether it is reached by sftp. */
  readonly sftp: boolean;
  /** The user's own passphrase; undefined for one that the stack makes. */
  readonly passphrase: pulumi.Output<string> | undefined;
  /** restic's environment for the target. */
  readonly credentials: pulumi.Output<Readonly<Record<string, string>>>;
  readonly sshKey: pulumi.Output<string> | undefined;
  /** Lines of a known_hosts file. */
  readonly sshHostKeys: string | undefined;
}

/** Completes the settings of backups. */
export function backupOf(backup: Settings["backup"], folder: string): BackupConfig {
  const { target, passphrase, sshKey, sshHostKeys } = backup;
  const local = target === "volume" || target.startsWith("/");
  const key = readPem(sshKey, folder);
  return {
    ...backup,
    repository: local ? "/backups/repository" : target,
    folder: target.startsWith("/") ? target : undefined,
    remote: !local,
    sftp: target.startsWith("sftp:"),
    passphrase: passphrase === undefined ? undefined : pulumi.secret(passphrase),
    credentials: pulumi.secret(backup.credentials),
    sshKey: key === undefined ? undefined : pulumi.secret(key.endsWith("\n") ? key : `${key}\n`),
    sshHostKeys: sshHostKeys === undefined ? undefined : readOwnFile(sshHostKeys, folder),
  };
}

/** Returns what is wrong with the settings of backups, one line a problem; the arguments are those of crossChecks. */
export function backupChecks({ backup }: Settings, folder: string): string[] {
  const { target, credentials, sshKey, sshHostKeys } = backup;
  const problems: string[] = [];
  const needs = (path: string, value: unknown, allowed: string, fix: string) => void problems.push(problem(`backup.${path}`, value, allowed, fix));
  const sftp = target.startsWith("sftp:");
  for (const [key, value] of Object.entries({ sshKey, sshHostKeys })) {
    if (sftp && value === undefined)
      needs(key, "none", "a value with a target by sftp", "make a key with ssh-keygen, list the host's with ssh-keyscan");
    if (!sftp && value !== undefined)
      needs(key, "a value", `none with backup.target ${target}`, "remove it, or set backup.target to sftp:user@host:/path");
  }
  if (sftp && sshKey !== undefined && readPem(sshKey, folder) === undefined) {
    // A key's text that lost its first line looks like a path.
    const shown = sshKey.length > 100 ? "[secret]" : sshKey;
    needs("sshKey", shown, "a file that can be read; it isn't there", "correct the path: it begins at the checkout");
  }
  if (sftp && sshHostKeys !== undefined && readOwnFile(sshHostKeys, folder) === undefined)
    needs("sshHostKeys", sshHostKeys, "a file that can be read; it isn't there", "correct the path: it begins at the checkout");
  if (target.startsWith("s3:")) {
    const missing = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].filter((name) => credentials[name] === undefined);
    if (missing.length > 0) {
      const [first] = missing;
      needs(
        "credentials",
        `no ${missing.join(", no ")}`,
        "both with a target in S3",
        `pulumi config set --secret --path 'django-stack:backup.credentials.${first}'`,
      );
    }
  }
  return problems;
}
