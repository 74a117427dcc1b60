import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { renderDatabaseRoles } from "./database-roles.ts";
import { jobGate } from "./gates.ts";
import type { Owner } from "./labels.ts";
import { jobProfile } from "./profiles.ts";
import type { Secrets } from "./secrets.ts";

export interface PostgresRolesArgs {
  readonly owner: Owner;
  readonly dockerHost: string | undefined;
  readonly image: pulumi.Input<string>;
  /** In-memory folders by path with their mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  /** Id of the server's container: another one is asked anew. */
  readonly server: pulumi.Input<string>;
  /** Volume of its socket. */
  readonly socket: pulumi.Input<string>;
  /** The script; secret. */
  readonly script: pulumi.Output<string>;
}

/** The job that makes roles, passwords, timeouts and extensions of a server, or brings those of a kept volume up to date. */
export class PostgresRoles extends pulumi.ComponentResource {
  constructor(name: string, args: PostgresRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:PostgresRoles", name, {}, opts);
    new docker.Container(
      name,
      {
        ...jobProfile({
          owner: args.owner,
          component: "postgres",
          user: "0:0",
          capabilities: ["SETGID", "SETUID"],
          memory: 128,
          labels: { job: "roles", server: args.server },
        }),
        image: args.image,
        networkMode: "none",
        entrypoints: ["timeout", "60", "/bin/sh", "-c"],
        command: [`exec setpriv --reuid=999 --regid=999 --clear-groups psql --no-psqlrc --dbname=postgres < /run/roles.sql`],
        mounts: [{ type: "volume", source: args.socket, target: "/run/postgresql" }],
        tmpfs: args.tmpfs,
        uploads: [{ file: "/run/roles.sql", content: args.script, permissions: "0400" }],
      },
      { parent: this, dependsOn: opts?.dependsOn, deleteBeforeReplace: false, hooks: { afterCreate: [jobGate(name, args.dockerHost)] } },
    );
    this.registerOutputs({});
  }
}

export interface RolesScriptArgs {
  readonly secrets: Secrets;
  readonly config: {
    readonly app: Pick<Config["app"], "debug" | "requestGraceSeconds">;
    readonly postgres: Pick<Config["postgres"], "extensions">;
    readonly secrets: Pick<Config["secrets"], "databasePasswordVersion">;
  };
}

/** Returns the script with the passwords in it; secret. */
export function rolesScript({ secrets, config }: RolesScriptArgs): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.all([secrets.databasePassword, secrets.previousDatabasePassword]).apply(([password, previousPassword]) =>
      renderDatabaseRoles({
        passwordVersion: config.secrets.databasePasswordVersion,
        password,
        previousPassword,
        // `manage.py test` makes a database of its own.
        createDatabases: config.app.debug,
        requestSeconds: config.app.requestGraceSeconds,
        extensions: config.postgres.extensions,
      }),
    ),
  );
}
