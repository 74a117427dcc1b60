import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { BackupConfig } from "../backup-config.ts";
import type { Config } from "../config.ts";
import { backupSecrets, renderBackupEnvironment } from "./backup-environment.ts";
import { BackupImage } from "./backup-image.ts";
import { mediaPath, secretFilesId } from "./django-environment.ts";
import { FilesVolume } from "./files-volume.ts";
import { jobGate, serviceHooks } from "./gates.ts";
import { labels, shortHash, type Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import type { Postgres } from "./postgres.ts";
import { dataPath, noData, postgresUser } from "./postgres-image.ts";
import { preloadLibraries } from "./postgres-settings.ts";
import { jobProfile, patientCpuShares, serviceProfile, type Engine } from "./profiles.ts";
import type { Release } from "./release.ts";
import type { Volumes } from "./volumes.ts";

export interface BackupArgs {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly config: Pick<Config, "dockerHost" | "postgres" | "prefix"> & { readonly app: Pick<Config["app"], "uid" | "gid"> };
  readonly backup: BackupConfig;
  /** What backups are encrypted with; secret. */
  readonly passphrase: pulumi.Output<string>;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly postgres: Postgres;
  /** What must have migrated before the first backup: a dump holds locks that a migration waits for. */
  readonly release: Release;
}

/** Makes a backup of the database and the media files at its times of day, and proves each by restoring it inside its own container. */
export class Backup extends pulumi.ComponentResource {
  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Backup", name, {}, opts);
    const { owner, config, backup, volumes, postgres } = args;
    const { dockerHost } = config;
    const image = new BackupImage(
      `${name}-image`,
      { owner, postgresImage: postgres.imageName, resticImage: backup.resticImage, sftp: backup.sftp },
      { parent: this },
    );
    const contents = backupSecrets(args.passphrase, backup);
    const id = pulumi.unsecret(pulumi.all([args.passphrase, contents]).apply(([passphrase, files]) => secretFilesId(passphrase, files)));
    const files = new FilesVolume(
      `${name}-files`,
      {
        owner,
        component: "backup",
        dockerHost,
        image: postgres.imageId,
        id,
        files: contents,
        user: postgresUser,
        tmpfs: noData(config.postgres.version),
      },
      { parent: this },
    );
    const work = new docker.Volume(
      `${name}-work`,
      { name: `${name}-work`, labels: labels(owner, "backup") },
      { parent: this, ignoreChanges: ["labels"] },
    );
    const places = {
      "/backups": backup.folder === undefined ? volumes.backups.name : folderVolume(name, backup.folder, this).name,
      "/backup-work": work.name,
    };
    const storage = Object.entries(places).map(([target, source]) => ({ type: "volume", source, target }));
    const permissions = new docker.Container(
      `${name}-permissions`,
      {
        ...jobProfile({ owner, component: "backup", user: "0:0", capabilities: ["CHOWN", "FOWNER"], memory: 64, labels: { job: "permissions" } }),
        image: postgres.imageId,
        networkMode: "none",
        entrypoints: ["timeout", "60", "/bin/sh", "-c"],
        command: [`chown ${postgresUser} /backups /backup-work && chmod 0700 /backup-work`],
        mounts: storage,
        tmpfs: noData(config.postgres.version),
      },
      { parent: this, deleteBeforeReplace: false, hooks: { afterCreate: [jobGate(`${name}-permissions`, dockerHost)] } },
    );
    const [uid, gid] = postgresUser.split(":").map(Number);
    new docker.Container(
      name,
      {
        ...serviceProfile({
          owner,
          engine: args.engine,
          component: "backup",
          uid,
          gid,
          cpus: backup.cpus,
          cpuShares: patientCpuShares,
          memory: backup.memory,
          processes: 512,
          tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m" },
          healthcheck: {
            command: ["CMD", "bash", "/usr/local/lib/backup/backup.sh", "health"],
            // Where it is also the time until the first check: when nginx, which starts after the replicas, is healthy too.
            intervalSeconds: 5.7,
            timeoutSeconds: 10,
            retries: 2,
            startSeconds: 60,
          },
          stopSeconds: 30,
          labels: { files: id },
        }),
        image: image.imageId,
        hostname: name,
        // Uploads belong to the app's group.
        groupAdds: [String(config.app.gid)],
        envs: renderBackupEnvironment({
          ...{ backup, prefix: config.prefix, app: config.app, filesId: id },
          preloadLibraries: preloadLibraries(config.postgres.settings),
        }),
        mounts: [
          ...storage,
          // The image declares a volume there; without a mount each container would get one without a name.
          { type: "volume", source: work.name, target: dataPath(config.postgres.version) },
          { type: "volume", source: postgres.socket, target: "/run/postgresql" },
          { type: "volume", source: volumes.mediaData.name, target: mediaPath, readOnly: true },
          { type: "volume", source: files.volume, target: "/run/stack", readOnly: true },
        ],
        ...(backup.remote && args.networks.backup ? { networksAdvanced: [{ name: args.networks.backup.name }] } : { networkMode: "none" }),
      },
      {
        parent: this,
        dependsOn: [files, permissions, postgres, args.release],
        // Two of them would make each backup twice.
        deleteBeforeReplace: true,
        hooks: serviceHooks(name, dockerHost, "is gone"),
      },
    );
    this.registerOutputs({});
  }
}

/** A volume that is a folder of the Docker host: nothing of the program needs to be a path there. */
function folderVolume(name: string, folder: string, parent: pulumi.Resource): docker.Volume {
  const volumeName = `${name}-folder-${shortHash(folder)}`;
  return new docker.Volume(
    volumeName,
    { name: volumeName, driverOpts: { type: "none", o: "bind", device: folder } },
    { parent, retainOnDelete: true },
  );
}
