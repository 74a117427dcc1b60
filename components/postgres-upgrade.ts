import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { database } from "./database-roles.ts";
import { jobGate } from "./gates.ts";
import type { Owner } from "./labels.ts";
import { jobProfile, untilItsOwnLimit } from "./profiles.ts";

export interface PostgresUpgradeArgs {
  readonly owner: Owner;
  readonly dockerHost: string | undefined;
  /** Major versions. */
  readonly from: number;
  readonly to: number;
  /** Image of the version to go to. */
  readonly image: pulumi.Input<string>;
  /** In-memory folders by path with their mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  /** Memory, MiB: two servers' work is done in it. */
  readonly memory: number;
  /** Names of the volumes, and where the versions' images have theirs. */
  readonly fromData: pulumi.Input<string>;
  readonly toData: pulumi.Input<string>;
  /** Socket of the running server. */
  readonly socket: pulumi.Input<string>;
  /** Volume with the password that initdb wants. */
  readonly files: pulumi.Input<string>;
  readonly initdbArguments: string;
  /** Libraries that its server loads at its start; empty for none. */
  readonly preloadLibraries: string;
  /** The script that makes the roles; secret. */
  readonly roles: pulumi.Output<string>;
}

/** The job that a new major version must pass before its server starts: the data is there, and equal to what the version before holds. */
export class PostgresUpgrade extends pulumi.ComponentResource {
  constructor(name: string, args: PostgresUpgradeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:PostgresUpgrade", name, {}, opts);
    const { from, to } = args;
    new docker.Container(
      name,
      {
        ...jobProfile({
          owner: args.owner,
          component: "postgres",
          user: "0:0",
          capabilities: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
          memory: args.memory,
          labels: { job: "upgrade", from: String(from), to: String(to) },
        }),
        image: args.image,
        networkMode: "none",
        entrypoints: ["timeout", String(longestSeconds), "/bin/bash", "/run/upgrade.sh"],
        envs: [
          `FROM=${from}`,
          "FROM_DATA=/from",
          `POSTGRES_DATABASE=${database}`,
          `POSTGRES_INITDB_ARGS=${args.initdbArguments}`,
          `POSTGRES_PRELOAD_LIBRARIES=${args.preloadLibraries}`,
          `TO=${to}`,
          "TO_DATA=/to",
        ],
        mounts: [
          { type: "volume", source: args.fromData, target: "/from" },
          { type: "volume", source: args.toData, target: "/to" },
          { type: "volume", source: args.socket, target: "/run/other" },
          { type: "volume", source: args.files, target: "/run/stack", readOnly: true },
        ],
        tmpfs: args.tmpfs,
        uploads: [
          { file: "/run/upgrade.sh", content: upgradeScript, permissions: "0500" },
          { file: "/run/content.sql", content: contentScript, permissions: "0444" },
          { file: "/run/roles.sql", content: args.roles, permissions: "0400" },
        ],
      },
      // Its roles change with every rotation, and what is done needn't be done again.
      {
        parent: this,
        dependsOn: opts?.dependsOn,
        deleteBeforeReplace: false,
        ignoreChanges: ["uploads"],
        customTimeouts: untilItsOwnLimit({ create: longestSeconds }),
        hooks: { afterCreate: [jobGate(name, args.dockerHost)] },
      },
    );
    this.registerOutputs({});
  }
}

/** A day: as long as anybody would want to wait. */
const longestSeconds = 86_400;

const containersFolder = join(import.meta.dirname, "..", "containers");
const upgradeScript = readFileSync(join(containersFolder, "upgrade-postgres.sh"), "utf8");
const contentScript = readFileSync(join(containersFolder, "backup", "content.sql"), "utf8");
