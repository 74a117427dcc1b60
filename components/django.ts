import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import type { AppImage } from "./app-image.ts";
import { djangoSecrets, mediaPath, renderDjangoEnvironment, secretFilesId, staticPath } from "./django-environment.ts";
import { FilesVolume } from "./files-volume.ts";
import { jobGate, serviceGate } from "./gates.ts";
import type { Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import type { Postgres } from "./postgres.ts";
import { jobProfile, serviceProfile } from "./profiles.ts";
import type { Secrets } from "./secrets.ts";
import { renderHealthCheck, renderServerCommand } from "./server-command.ts";
import type { Volumes } from "./volumes.ts";

export interface DjangoArgs {
  readonly owner: Owner;
  readonly config: Pick<Config, "app" | "allowedHosts" | "origins" | "dockerHost" | "domain" | "httpsPort" | "secretEnv" | "superuser" | "url">;
  readonly image: AppImage;
  /** Image with a shell that the volume jobs run in. */
  readonly toolImage: pulumi.Input<string>;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly secrets: Secrets;
  readonly postgres: Postgres;
  /** Id of the migrations in a mounted source, which no image id covers; undefined when the image holds them. */
  readonly sourceMigrations: string | undefined;
}

/** The app: its secrets, the release job that must succeed first, and the replicas. */
export class Django extends pulumi.ComponentResource {
  /** Names of the replicas on the app network; known once all of them are healthy. */
  readonly replicas: pulumi.Output<string[]>;
  /** Id of the folder that holds the entry script and the secrets in use. */
  readonly filesId: pulumi.Output<string>;
  /** Name of the volume of those folders. */
  readonly filesVolume: pulumi.Output<string>;

  constructor(name: string, args: DjangoArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Django", name, {}, opts);
    const { owner, config, image, networks, volumes, postgres } = args;
    const { app, dockerHost } = config;
    const user = `${app.uid}:${app.gid}`;

    const secrets = secretValues(args);
    const filesId = pulumi.unsecret(
      pulumi.all([args.secrets.secretKey, secrets]).apply(([key, values]) => secretFilesId(key, { ...values, ...scripts })),
    );
    const files = new FilesVolume(
      `${name}-files`,
      {
        owner,
        component: "django",
        dockerHost,
        image: args.toolImage,
        id: filesId,
        files: secrets.apply((values) => ({ ...values, ...scripts })),
        user,
      },
      { parent: this },
    );
    const stackFolder = pulumi.interpolate`/run/stack/${files.id}`;
    const entrypoints = [pulumi.output("/bin/sh"), pulumi.interpolate`${stackFolder}/entry.sh`];
    const secretNames = pulumi.unsecret(secrets.apply((values) => Object.keys(values)));
    const envs = pulumi.all([stackFolder, secretNames]).apply(([secretsFolder, names]) =>
      renderDjangoEnvironment({
        ...config,
        ...app,
        https: config.httpsPort !== undefined,
        databaseHost: postgres.host,
        databasePort: postgres.port,
        databaseName: postgres.database,
        databaseUser: postgres.user,
        secretNames: names,
        secretsFolder,
      }),
    );
    const sourceMount = app.mountSource ? [{ type: "bind", source: app.contextPath, target: app.sourceRoot }] : [];
    const filesMount = { type: "volume", source: files.volume, target: "/run/stack", readOnly: true };
    const staticMount = (readOnly: boolean) => ({ type: "volume", source: volumes.staticData.name, target: staticPath, readOnly });
    const mediaMount = { type: "volume", source: volumes.mediaData.name, target: mediaPath };

    const permissions = new docker.Container(
      `${name}-permissions`,
      {
        ...jobProfile({ owner, component: "django", user: "0:0", capabilities: ["CHOWN"], memory: 64, labels: { job: "permissions" } }),
        image: args.toolImage,
        networkMode: "none",
        entrypoints: ["timeout", "60"],
        command: ["chown", user, staticPath, mediaPath],
        mounts: [staticMount(false), mediaMount],
      },
      { parent: this, deleteBeforeReplace: false, hooks: { afterCreate: [jobGate(`${name}-permissions`, dockerHost)] } },
    );
    const release = new docker.Container(
      `${name}-release`,
      {
        ...jobProfile({
          owner,
          component: "django",
          user,
          capabilities: [],
          memory: app.memory,
          labels: {
            job: "release",
            release: image.release,
            files: files.id,
            ...(args.sourceMigrations === undefined ? {} : { migrations: args.sourceMigrations }),
          },
        }),
        image: image.imageId,
        entrypoints,
        command: ["run", "/bin/sh", pulumi.interpolate`${stackFolder}/release.sh`],
        envs: envs.apply((common) => [...common, ...releaseEnvironment(config)]),
        mounts: [filesMount, staticMount(false), ...sourceMount],
        networksAdvanced: [{ name: networks.db.name }],
      },
      {
        parent: this,
        dependsOn: [postgres, permissions],
        deleteBeforeReplace: false,
        hooks: { afterCreate: [jobGate(`${name}-release`, dockerHost)] },
      },
    );
    const replicas = Array.from({ length: app.replicas }, (_, index) => {
      const replicaName = `${name}-${index}`;
      return new docker.Container(
        replicaName,
        {
          ...serviceProfile({
            owner,
            component: "django",
            uid: app.uid,
            gid: app.gid,
            cpus: app.cpus,
            memory: app.memory,
            processes: 1024,
            tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m" },
            healthcheck: {
              tests: renderHealthCheck(app.port, app.healthPath, new URL(config.url).host, config.httpsPort !== undefined),
              interval: "3s",
              timeout: "5s",
              retries: 5,
              startPeriod: "60s",
            },
            healthySeconds: 90,
            // It drains, then its requests end, then gunicorn does.
            stopSeconds: app.drainSeconds + app.requestGraceSeconds + 5,
            labels: { release: image.release, files: files.id },
          }),
          image: image.imageId,
          entrypoints,
          command: networks.app.ipamConfigs.apply((ranges) => renderServerCommand({ ...app, forwardedAllowIps: ranges?.[0]?.subnet ?? "127.0.0.1" })),
          envs,
          mounts: [filesMount, staticMount(true), mediaMount, ...sourceMount],
          networksAdvanced: [{ name: networks.app.name }, { name: networks.db.name }],
          ports: app.devServerPort === undefined ? undefined : [{ internal: app.port, external: app.devServerPort, ip: "127.0.0.1" }],
        },
        // The old replica serves until nginx has left it; only a published port can't be held twice.
        {
          parent: this,
          dependsOn: release,
          deleteBeforeReplace: app.devServerPort !== undefined,
          hooks: { onError: [serviceGate(replicaName, dockerHost)] },
        },
      );
    });
    this.replicas = pulumi.all(replicas.map((replica) => replica.name));
    this.filesId = files.id;
    this.filesVolume = files.volume;
    this.registerOutputs({ replicas: this.replicas, filesId: this.filesId });
  }
}

const containersFolder = join(import.meta.dirname, "..", "containers");
const scripts = {
  "entry.sh": readFileSync(join(containersFolder, "entry.sh"), "utf8"),
  "release.sh": readFileSync(join(containersFolder, "release.sh"), "utf8"),
};

function secretValues({ secrets, postgres, config }: DjangoArgs): pulumi.Output<Record<string, string>> {
  const { secretKey, previousSecretKey, databasePassword, superuserPassword } = secrets;
  return pulumi.secret(
    pulumi.all([secretKey, previousSecretKey, databasePassword, superuserPassword ?? pulumi.output(undefined), config.secretEnv]).apply((values) =>
      djangoSecrets({
        secretKey: values[0],
        previousSecretKey: values[1],
        databasePassword: values[2],
        superuserPassword: values[3],
        secretEnv: values[4],
        databaseHost: postgres.host,
        databasePort: postgres.port,
        databaseName: postgres.database,
        databaseUser: postgres.user,
      }),
    ),
  );
}

/** Returns the environment that only the release job has. */
function releaseEnvironment({ app, superuser }: DjangoArgs["config"]): string[] {
  return [
    ...(superuser === undefined ? [] : [`DJANGO_SUPERUSER_EMAIL=${superuser.email}`, `DJANGO_SUPERUSER_USERNAME=${superuser.username}`]),
    // A migration that waits for a lock makes every request behind it wait too.
    `PGOPTIONS=-c lock_timeout=10s -c statement_timeout=${app.releaseTimeoutSeconds}s`,
    `RELEASE_TIMEOUT_SECONDS=${app.releaseTimeoutSeconds}`,
    `STATIC_SOURCE=${app.staticFromVolume ? app.staticRoot : ""}`,
    `WSGI_MODULE=${app.server === "gunicorn" ? app.wsgi : ""}`,
  ];
}
