import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { superuserPassword, type AppFiles } from "./app-files.ts";
import type { AppImage } from "./app-image.ts";
import type { DockerCommand } from "./docker-engine.ts";
import { mediaPath, staticPath, temporaryPath } from "./django-environment.ts";
import { jobGate } from "./gates.ts";
import type { Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import type { Postgres } from "./postgres.ts";
import { jobProfile, patientCpuShares, untilItsOwnLimit } from "./profiles.ts";
import { releaseWarnings } from "./release-warnings.ts";
import { sourceMigrations, sourceMounts } from "./source.ts";
import { serverModule, workerClassUri } from "./server-command.ts";
import type { Volumes } from "./volumes.ts";

export interface ReleaseArgs {
  readonly owner: Owner;
  readonly config: Pick<Config, "app" | "cache" | "dockerHost" | "limits" | "superuser">;
  readonly image: AppImage;
  readonly files: AppFiles;
  /** Image with a shell that the volumes are prepared in. */
  readonly toolImage: pulumi.Input<string>;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly postgres: Postgres;
}

/** The job that a release must pass before any replica of it starts: the app loads, migrations, static files, superuser. */
export class Release extends pulumi.ComponentResource {
  constructor(name: string, args: ReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Release", name, {}, opts);
    const { owner, config, image, files, volumes } = args;
    const { app, dockerHost } = config;
    const user = `${app.uid}:${app.gid}`;
    const staticMount = { type: "volume", source: volumes.staticData.name, target: staticPath };
    const temporaryMount = { type: "volume", source: volumes.temporary.name, target: temporaryPath };
    const permissions = new docker.Container(
      `${name}-permissions`,
      {
        ...jobProfile({ owner, component: "django", user: "0:0", capabilities: ["CHOWN"], memory: 64, labels: { job: "permissions" } }),
        image: args.toolImage,
        networkMode: "none",
        entrypoints: ["timeout", "60"],
        command: ["chown", user, staticPath, mediaPath, temporaryPath],
        mounts: [staticMount, { type: "volume", source: volumes.mediaData.name, target: mediaPath }, temporaryMount],
      },
      { parent: this, deleteBeforeReplace: false, hooks: { afterCreate: [jobGate(`${name}-permissions`, dockerHost)] } },
    );
    new docker.Container(
      name,
      {
        ...jobProfile({
          owner,
          component: "django",
          user,
          capabilities: [],
          processes: 4 * app.processLimit,
          cpuShares: patientCpuShares,
          memory: app.memory,
          labels: {
            job: "release",
            release: image.release,
            files: files.id,
            // No image id tells of a mounted source's new migration.
            ...(app.mountSource ? { migrations: sourceMigrations(app.contextPath) } : {}),
          },
        }),
        image: image.imageId,
        entrypoints: files.entrypoints,
        command: ["run", "/bin/sh", pulumi.interpolate`${files.folder}/release.sh`],
        envs: pulumi.all([files.envs, files.folder]).apply(([common, folder]) => releaseEnvironment(config, common, folder)),
        mounts: [files.mount, staticMount, temporaryMount, ...sourceMounts(app)],
        networksAdvanced: [{ name: args.networks.db.name }],
      },
      {
        parent: this,
        dependsOn: [args.postgres, files, permissions],
        deleteBeforeReplace: false,
        // It waits for the dump of a backup between two tries.
        customTimeouts: untilItsOwnLimit({ create: 3 * app.releaseTimeoutSeconds }),
        hooks: { afterCreate: [jobGate(name, dockerHost, passWarningsOn)] },
      },
    );
    this.registerOutputs({});
  }
}

async function passWarningsOn(docker: DockerCommand, container: string): Promise<void> {
  for (const warning of await releaseWarnings(docker, container)) await pulumi.log.warn(warning);
}

/** Returns Django's environment with what the release job has beside it, or in place of it. */
export function releaseEnvironment(
  { app, cache, limits, superuser }: Pick<Config, "app" | "cache" | "limits" | "superuser">,
  common: readonly string[],
  folder: string,
): string[] {
  const own = [
    `CACHE_SESSION_COOKIES=${cache?.sessionCookies.join(" ") ?? ""}`,
    ...(superuser === undefined
      ? []
      : [
          `DJANGO_SUPERUSER_EMAIL=${superuser.email}`,
          `${superuserPassword}_FILE=${folder}/${superuserPassword}`,
          `DJANGO_SUPERUSER_USERNAME=${superuser.username}`,
        ]),
    `HEALTH_PATH=${app.healthPath}`,
    `LOGIN_PATHS=${limits.loginAttemptsPerMinute === undefined ? "" : limits.loginPaths.join(" ")}`,
    // While a migration waits for a lock, every request for that table waits behind it.
    `PGOPTIONS=-c lock_timeout=4s -c statement_timeout=${app.releaseTimeoutSeconds}s -c idle_in_transaction_session_timeout=${app.releaseTimeoutSeconds}s`,
    `RELEASE_TIMEOUT_SECONDS=${app.releaseTimeoutSeconds}`,
    `STATIC_SOURCE=${app.staticFromVolume ? app.staticRoot : ""}`,
    `WORKER_CLASS=${workerClassUri(app.workerClass)}`,
    `WSGI_MODULE=${app.server === "gunicorn" ? serverModule(app) : ""}`,
  ];
  const name = (line: string) => line.slice(0, line.indexOf("="));
  const names = own.map(name);
  return [...common.filter((line) => !names.includes(name(line))), ...own];
}
