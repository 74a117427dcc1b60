import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { database, loginRole } from "./database-roles.ts";
import { FilesVolume } from "./files-volume.ts";
import { serviceHooks } from "./gates.ts";
import { labels, type Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import { preloadLibraries, renderPostgresSettings } from "./postgres-settings.ts";
import { dataPath, initdbArguments, noData, postgresUser } from "./postgres-image.ts";
import { PostgresTrial } from "./postgres-trial.ts";
import { PostgresUpgrade } from "./postgres-upgrade.ts";
import { PostgresRoles, rolesScript } from "./postgres-roles.ts";
import { serviceProfile, type Engine } from "./profiles.ts";
import type { Secrets } from "./secrets.ts";
import type { Volumes } from "./volumes.ts";

export interface PostgresArgs {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly config: Pick<Config, "dockerHost" | "postgres"> & {
    readonly app: Pick<Config["app"], "debug" | "requestGraceSeconds">;
    readonly secrets: Pick<Config["secrets"], "databasePasswordVersion">;
  };
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly secrets: Secrets;
}

/** Postgres on a kept volume, and the job that makes roles and passwords meet what is in it. */
export class Postgres extends pulumi.ComponentResource {
  /** Name on the db network. */
  readonly host = "postgres";
  readonly port = 5432;
  readonly database = database;
  /** Role that the app logs in as. */
  readonly user: string;
  /** The server's image: its name, and its id. */
  readonly imageName: pulumi.Output<string>;
  readonly imageId: pulumi.Output<string>;
  /** Volume of the socket, through which the container's own user is the database's superuser. */
  readonly socket: pulumi.Output<string>;

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Postgres", name, {}, opts);
    const { owner, secrets, networks } = args;
    const { dockerHost } = args.config;
    const { version, upgradeFrom, cpus, memory, publishPort } = args.config.postgres;
    const passwordVersion = args.config.secrets.databasePasswordVersion;
    const imageName = args.config.postgres.image ?? `postgres:${version}`;
    const image = new docker.RemoteImage(`${name}-image`, { name: imageName, keepLocally: true }, { parent: this });
    const command = ["postgres", ...renderPostgresSettings(args.config.postgres)];
    const trial = new PostgresTrial(
      `${name}-trial`,
      {
        ...{ owner, dockerHost, memory, initdbArguments, command, version, image: image.imageId },
        ...{ extensions: args.config.postgres.extensions, tmpfs: noData(version) },
      },
      { parent: this },
    );
    const files = new FilesVolume(
      `${name}-files`,
      {
        owner,
        component: "postgres",
        dockerHost,
        image: image.imageId,
        id: "initial",
        files: secrets.initialPassword.apply((password) => ({ password, "start.sh": startScript })),
        user: postgresUser,
        tmpfs: noData(version),
      },
      { parent: this },
    );
    // The socket is the superuser's only door: a job that mounts this volume and runs as the same user comes in.
    const socket = new docker.Volume(
      `${name}-socket`,
      { name: `${name}-socket`, labels: labels(owner, "postgres") },
      { parent: this, ignoreChanges: ["labels"] },
    );
    // Engine 28 refuses uploads to a container with a mount under /var/run, which is a link to /run.
    const socketMount = { type: "volume", source: socket.name, target: "/run/postgresql" };
    const roles = rolesScript(args);
    const { olderPostgresData, postgresData } = args.volumes;
    const upgrade =
      upgradeFrom === undefined || olderPostgresData === undefined
        ? undefined
        : new PostgresUpgrade(
            `${name}-upgrade`,
            {
              ...{ owner, dockerHost, memory, initdbArguments, roles, from: upgradeFrom, to: version },
              preloadLibraries: preloadLibraries(args.config.postgres.settings),
              ...{
                image: image.imageId,
                tmpfs: noData(version),
                fromData: olderPostgresData.name,
                toData: postgresData.name,
                socket: socket.name,
                files: files.volume,
              },
            },
            { parent: this, dependsOn: [trial, files] },
          );
    const publish = publishPort !== undefined && networks.dev !== undefined;
    const server = new docker.Container(
      name,
      {
        ...serviceProfile({
          owner,
          engine: args.engine,
          component: "postgres",
          uid: 999,
          gid: 999,
          cpus,
          memory,
          processes: 512,
          tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m" },
          // Over TCP: while initdb's temporary server runs, only the socket answers.
          healthcheck: {
            command: ["CMD", "pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres"],
            intervalSeconds: 1.7,
            timeoutSeconds: 5,
            retries: 15,
            startSeconds: 120,
          },
          // postgres:18's documentation: even 90 s may not be long enough for a checkpoint at shutdown.
          stopSeconds: 120,
        }),
        image: image.imageId,
        entrypoints: ["/bin/bash", "/run/stack/initial/start.sh"],
        command,
        stopSignal: "SIGINT",
        shmSize: 256,
        envs: [`POSTGRES_DATA=${dataPath(version)}`, "POSTGRES_PASSWORD_FILE=/run/stack/initial/password", `POSTGRES_INITDB_ARGS=${initdbArguments}`],
        mounts: [
          { type: "volume", source: postgresData.name, target: dataPath(version) },
          { type: "volume", source: files.volume, target: "/run/stack", readOnly: true },
          socketMount,
        ],
        networksAdvanced: [{ name: networks.db.name, aliases: [this.host] }, ...(publish && networks.dev ? [{ name: networks.dev.name }] : [])],
        ports: publish ? [{ internal: 5432, external: publishPort, ip: "127.0.0.1" }] : undefined,
      },
      // Two servers on one data directory must never run.
      {
        parent: this,
        dependsOn: upgrade === undefined ? [trial, files] : [trial, files, upgrade],
        deleteBeforeReplace: true,
        hooks: serviceHooks(name, dockerHost, "is gone"),
      },
    );
    this.imageName = image.name;
    this.imageId = image.imageId;
    this.socket = socket.name;
    this.user = loginRole(passwordVersion);
    new PostgresRoles(
      `${name}-roles`,
      { owner, dockerHost, image: image.imageId, tmpfs: noData(version), server: server.id, socket: socket.name, script: roles },
      { parent: this, dependsOn: server },
    );
    this.registerOutputs({ user: this.user });
  }
}

const startScript = readFileSync(join(import.meta.dirname, "..", "containers", "start-postgres.sh"), "utf8");
