import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import type { AppFiles } from "./app-files.ts";
import type { AppImage } from "./app-image.ts";
import { appMounts } from "./app-mounts.ts";
import type { Background } from "./background.ts";
import type { DockerCommand } from "./docker-engine.ts";
import { serviceHooks } from "./gates.ts";
import { hiddenHeaders } from "./hidden-headers.ts";
import type { Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import { serviceProfile, untilItsOwnLimit, type Engine } from "./profiles.ts";
import type { Release } from "./release.ts";
import { renderHealthCheck, renderServerCommand } from "./server-command.ts";
import type { Volumes } from "./volumes.ts";

export interface DjangoArgs {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly config: Pick<Config, "app" | "dockerHost" | "environment" | "headers" | "https" | "url">;
  readonly image: AppImage;
  readonly files: AppFiles;
  /** What must have succeeded before a replica starts. */
  readonly release: Release;
  /** What must run before: what a replica leaves to the background finds somebody there who knows it. */
  readonly background: readonly Background[];
  readonly networks: Networks;
  readonly volumes: Volumes;
}

/** The app's replicas; each new one is healthy before nginx hears of it, each old one stops when nobody knows it any more. */
export class Django extends pulumi.ComponentResource {
  /** Names of the replicas on the app network; known once all of them are healthy. */
  readonly replicas: pulumi.Output<string[]>;

  constructor(name: string, args: DjangoArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Django", name, {}, opts);
    const { config, image, files, networks } = args;
    const { app, dockerHost } = config;
    const question = { port: app.port, path: app.healthPath, host: new URL(config.url).host, https: config.https };
    const warnOfHiddenHeaders = async (dockerCommand: DockerCommand, container: string) => {
      const warnings = await hiddenHeaders({
        docker: dockerCommand,
        container,
        environment: config.environment,
        values: config.headers,
        ...question,
      }).catch((error: Error) => [`what headers Django sends can't be told: ${error.message}`]);
      for (const warning of warnings) await pulumi.log.warn(warning);
    };
    // It may have to drain, then its requests end, then gunicorn does.
    const stopSeconds = app.drainSeconds + app.requestGraceSeconds + 5;
    const replicas = Array.from({ length: app.replicas }, (_, index) => {
      const replicaName = `${name}-${index}`;
      return new docker.Container(
        replicaName,
        {
          ...serviceProfile({
            owner: args.owner,
            engine: args.engine,
            component: "django",
            uid: app.uid,
            gid: app.gid,
            cpus: app.cpus,
            memory: app.memory,
            processes: app.processLimit,
            tmpfs: { "/tmp": `rw,noexec,nosuid,nodev,size=${app.temporaryMegabytes}m` },
            healthcheck: {
              command: renderHealthCheck(question),
              intervalSeconds: 2.7,
              timeoutSeconds: 5,
              retries: 5,
              startSeconds: app.startSeconds,
            },
            stopSeconds,
            labels: { release: image.release, files: files.id },
          }),
          image: image.imageId,
          entrypoints: files.entrypoints,
          command: pulumi
            .all([files.folder, networks.app.ipamConfigs])
            .apply(([filesFolder, ranges]) =>
              renderServerCommand({ ...app, filesFolder, proxies: ranges?.flatMap(({ subnet }) => subnet ?? []) ?? [] }),
            ),
          envs: files.envs,
          mounts: appMounts(args),
          networksAdvanced: [{ name: networks.app.name }, { name: networks.db.name }],
          ports: app.devServerPort === undefined ? undefined : [{ internal: app.port, external: app.devServerPort, ip: "127.0.0.1" }],
        },
        {
          parent: this,
          dependsOn: [args.release, ...args.background],
          // The old replica serves until nginx has left it; only a published port can't be held twice.
          deleteBeforeReplace: app.devServerPort !== undefined,
          customTimeouts: untilItsOwnLimit({ create: app.startSeconds, delete: stopSeconds }),
          hooks: serviceHooks(
            replicaName,
            dockerHost,
            app.devServerPort === undefined ? "goes on" : "is gone",
            index === 0 ? warnOfHiddenHeaders : undefined,
          ),
        },
      );
    });
    this.replicas = pulumi.all(replicas.map((replica) => replica.name));
    this.registerOutputs({ replicas: this.replicas });
  }
}
