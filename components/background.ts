import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import type { BackgroundProcess } from "../settings/background.ts";
import type { AppFiles } from "./app-files.ts";
import type { AppImage } from "./app-image.ts";
import { appMounts } from "./app-mounts.ts";
import { serviceHooks } from "./gates.ts";
import type { Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import { serviceProfile, untilItsOwnLimit, type Engine } from "./profiles.ts";
import type { Release } from "./release.ts";
import type { Volumes } from "./volumes.ts";

export interface BackgroundArgs {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly config: Pick<Config, "app" | "dockerHost">;
  readonly process: BackgroundProcess;
  readonly image: AppImage;
  readonly files: AppFiles;
  /** What must have succeeded before one starts. */
  readonly release: Release;
  readonly networks: Networks;
  readonly volumes: Volumes;
}

/** A process of the app that answers no requests; a new one runs before an old one is told to end, unless two must never meet. */
export class Background extends pulumi.ComponentResource {
  constructor(name: string, args: BackgroundArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Background", name, {}, opts);
    const { config, process, image, files, networks } = args;
    const { app, dockerHost } = config;
    for (let index = 0; index < process.replicas; index++) {
      const replicaName = `${name}-${index}`;
      new docker.Container(
        replicaName,
        {
          ...serviceProfile({
            owner: args.owner,
            engine: args.engine,
            component: "background",
            uid: app.uid,
            gid: app.gid,
            cpus: process.cpus,
            memory: process.memory,
            processes: app.processLimit,
            tmpfs: { "/tmp": `rw,noexec,nosuid,nodev,size=${Math.floor(process.memory / 4)}m` },
            healthcheck: {
              command: ["CMD", "python", "-S", "-c", hasRun(provenSeconds)],
              intervalSeconds: 2.7,
              timeoutSeconds: 5,
              retries: 5,
              startSeconds: 30,
            },
            stopSeconds: process.stopSeconds,
            labels: { release: image.release, files: files.id },
          }),
          image: image.imageId,
          entrypoints: files.entrypoints,
          command: ["run", ...process.command],
          envs: files.envs.apply((common) => backgroundEnvironment(common)),
          mounts: appMounts(args),
          networksAdvanced: [{ name: networks.app.name }, { name: networks.db.name }],
        },
        {
          parent: this,
          dependsOn: args.release,
          deleteBeforeReplace: process.alone,
          customTimeouts: untilItsOwnLimit({ delete: process.stopSeconds }),
          hooks: serviceHooks(replicaName, dockerHost, process.alone ? "is gone" : "goes on"),
        },
      );
    }
    this.registerOutputs({});
  }
}

/** How long one must have run to count as working: what fails while it is loaded fails sooner. */
const provenSeconds = 5;

/** Returns a Python program that succeeds once the container's first process is so old; a restarted one begins anew. */
function hasRun(seconds: number): string {
  return [
    "import os, sys",
    "began = int(open('/proc/1/stat').read().rpartition(')')[2].split()[19]) / os.sysconf('SC_CLK_TCK')",
    "age = float(open('/proc/uptime').read().split()[0]) - began",
    `sys.exit(None if age >= ${seconds} else 'has run for %.0f of ${seconds} s' % age)`,
  ].join("; ");
}

/** Returns Django's environment for what may take longer than a request, whose limits the database's roles have; the user's own limits count. */
export function backgroundEnvironment(common: readonly string[]): string[] {
  if (common.some((line) => line.startsWith("PGOPTIONS="))) return [...common];
  return [...common, "PGOPTIONS=-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"];
}
