import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { jobGate } from "./gates.ts";
import type { Owner } from "./labels.ts";
import { jobProfile } from "./profiles.ts";

export interface PostgresTrialArgs {
  readonly owner: Owner;
  readonly dockerHost: string | undefined;
  readonly image: pulumi.Input<string>;
  /** Major version that the image must have. */
  readonly version: number;
  /** The server's command, as its container gets it. */
  readonly command: readonly string[];
  readonly extensions: readonly string[];
  readonly initdbArguments: string;
  /** Memory of the server, MiB. */
  readonly memory: number;
  /** In-memory folders by path with their mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
}

/**
 * The job that an image and settings of Postgres must pass before the running server is stopped for them.
 *
 * Two servers can't work on one data directory, so that the old one is gone before the new one can fail.
 */
export class PostgresTrial extends pulumi.ComponentResource {
  constructor(name: string, args: PostgresTrialArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:PostgresTrial", name, {}, opts);
    new docker.Container(
      name,
      {
        ...jobProfile({
          owner: args.owner,
          component: "postgres",
          user: "0:0",
          capabilities: ["SETGID", "SETUID"],
          memory: args.memory + databaseMegabytes,
          labels: { job: "trial" },
        }),
        image: args.image,
        networkMode: "none",
        entrypoints: ["timeout", "120", "/bin/bash", "/run/try-postgres.sh"],
        command: [...args.command],
        envs: [
          `POSTGRES_EXTENSIONS=${args.extensions.join(" ")}`,
          `POSTGRES_INITDB_ARGS=${args.initdbArguments}`,
          `POSTGRES_VERSION=${args.version}`,
        ],
        tmpfs: { ...args.tmpfs, "/tmp": `rw,noexec,nosuid,nodev,mode=1777,size=${databaseMegabytes}m` },
        uploads: [{ file: "/run/try-postgres.sh", content: trialScript, permissions: "0500" }],
      },
      { parent: this, deleteBeforeReplace: false, hooks: { afterCreate: [jobGate(name, args.dockerHost)] } },
    );
    this.registerOutputs({});
  }
}

/** Room for an empty database; initdb makes 40 MB, and the first pieces of the log are as much. */
const databaseMegabytes = 512;

const trialScript = readFileSync(join(import.meta.dirname, "..", "containers", "try-postgres.sh"), "utf8");
