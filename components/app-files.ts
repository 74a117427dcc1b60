import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { djangoSecrets, renderDjangoEnvironment, secretFilesId } from "./django-environment.ts";
import { FilesVolume } from "./files-volume.ts";
import type { Owner } from "./labels.ts";
import type { Postgres } from "./postgres.ts";
import type { Secrets } from "./secrets.ts";

export interface AppFilesArgs {
  readonly owner: Owner;
  readonly config: Pick<Config, "app" | "allowedHosts" | "origins" | "dockerHost" | "https" | "secretEnv"> & {
    readonly secrets: Pick<Config["secrets"], "secretKeyFallbacks">;
  };
  /** Image with a shell and setpriv that the job runs in. */
  readonly toolImage: pulumi.Input<string>;
  readonly secrets: Secrets;
  readonly postgres: Postgres;
}

/** What the app's containers get beside their image: entry script, release script and secrets as files, and the environment that names them. */
export class AppFiles extends pulumi.ComponentResource {
  /** Id of the folder in use; a new script or secret is a new folder, the old one stays for the replicas that know it. */
  readonly id: pulumi.Output<string>;
  /** Where that folder is, inside the app's containers. */
  readonly folder: pulumi.Output<string>;
  /** Starts a program through the entry script. */
  readonly entrypoints: pulumi.Output<string>[];
  /** Django's environment. */
  readonly envs: pulumi.Output<string[]>;
  /** The volume, as the app's containers mount it. */
  readonly mount: { type: string; source: pulumi.Output<string>; target: string; readOnly: boolean };

  constructor(name: string, args: AppFilesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:AppFiles", name, {}, opts);
    const { config, postgres } = args;
    const database = { databaseHost: postgres.host, databasePort: postgres.port, databaseName: postgres.database, databaseUser: postgres.user };
    const contents = secretContents(args, database);
    this.id = pulumi.unsecret(pulumi.all([args.secrets.secretKey, contents]).apply(([key, values]) => secretFilesId(key, { ...values, ...scripts })));
    const files = new FilesVolume(
      `${name}-files`,
      {
        owner: args.owner,
        component: "django",
        dockerHost: config.dockerHost,
        image: args.toolImage,
        id: this.id,
        files: contents.apply((values) => ({ ...values, ...scripts })),
        user: `${config.app.uid}:${config.app.gid}`,
      },
      { parent: this },
    );
    this.folder = pulumi.interpolate`/run/stack/${this.id}`;
    this.entrypoints = [pulumi.output("/bin/sh"), pulumi.interpolate`${this.folder}/entry.sh`];
    const secretNames = pulumi.unsecret(contents.apply((values) => Object.keys(values).filter((secret) => secret !== superuserPassword)));
    this.envs = pulumi
      .all([this.folder, secretNames])
      .apply(([secretsFolder, names]) => renderDjangoEnvironment({ ...config, ...config.app, ...database, secretNames: names, secretsFolder }));
    this.mount = { type: "volume", source: files.volume, target: "/run/stack", readOnly: true };
    this.registerOutputs({ id: this.id, envs: this.envs });
  }
}

/** The one secret that only the release job is told of. */
export const superuserPassword = "DJANGO_SUPERUSER_PASSWORD";

const containersFolder = join(import.meta.dirname, "..", "containers");
const scripts = {
  "check-release.py": readFileSync(join(containersFolder, "check-release.py"), "utf8"),
  "django_stack_checks.py": readFileSync(join(containersFolder, "django_stack_checks.py"), "utf8"),
  "entry.sh": readFileSync(join(containersFolder, "entry.sh"), "utf8"),
  "gunicorn.conf.py": readFileSync(join(containersFolder, "gunicorn.conf.py"), "utf8"),
  "publish-static.py": readFileSync(join(containersFolder, "publish-static.py"), "utf8"),
  "release.sh": readFileSync(join(containersFolder, "release.sh"), "utf8"),
};

function secretContents(
  { secrets, config }: AppFilesArgs,
  database: { databaseHost: string; databasePort: number; databaseName: string; databaseUser: string },
): pulumi.Output<Record<string, string>> {
  const { secretKey, previousSecretKey, nextSecretKey, databasePassword, superuserPassword = pulumi.output(undefined) } = secrets;
  const fallbackKeys = pulumi.all([[previousSecretKey, nextSecretKey], config.secrets.secretKeyFallbacks]).apply((keys) => keys.flat());
  return pulumi.secret(
    pulumi
      .all([secretKey, fallbackKeys, databasePassword, superuserPassword, config.secretEnv])
      .apply(([key, fallbacks, password, superuser, secretEnv]) =>
        djangoSecrets({
          ...database,
          secretKey: key,
          secretKeyFallbacks: fallbacks,
          databasePassword: password,
          superuserPassword: superuser,
          secretEnv,
        }),
      ),
  );
}
