import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { DockerCommand } from "./docker-engine.ts";
import { bundlePath, packFiles } from "./file-bundle.ts";
import { jobGate } from "./gates.ts";
import { labels, type Owner } from "./labels.ts";
import { jobProfile } from "./profiles.ts";

export interface FilesVolumeArgs {
  readonly owner: Owner;
  readonly component: string;
  /** Address of the Docker engine; undefined for the default one. */
  readonly dockerHost: string | undefined;
  /** Image with a shell, coreutils and setpriv; with a check, what the check needs. */
  readonly image: pulumi.Input<string>;
  /** Folder of these files in the volume; another content needs another id. */
  readonly id: pulumi.Input<string>;
  /** Contents by path. */
  readonly files: pulumi.Input<Readonly<Record<string, string>>>;
  /** Numeric user and group who alone may read them, such as `101:101`. */
  readonly user: string;
  /** Shell command, run as that user inside the new folder, that must succeed before the files become current. @default - no check */
  readonly check?: string;
  /** Volumes that this user must be able to write to, by the path where the check finds an empty folder of its own. @default - none */
  readonly writable?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Further in-memory folders by path with their mount options. @default - none */
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** What follows once the files are current; a failure fails `up`. @default - nothing */
  readonly onFilled?: (docker: DockerCommand, jobId: string) => Promise<void>;
}

/**
 * A named volume and the one-shot job that checks files and puts them there.
 *
 * Containers with a read-only root take no uploads, and bind mounts need the engine on this machine; a volume has neither limit.
 * Whoever reads the files depends on this component: the id is no output of the job, so that a preview knows it.
 */
export class FilesVolume extends pulumi.ComponentResource {
  /** Name of the volume. */
  readonly volume: pulumi.Output<string>;

  constructor(name: string, args: FilesVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:FilesVolume", name, {}, opts);
    const volume = new docker.Volume(name, { name, labels: labels(args.owner, args.component) }, { parent: this, ignoreChanges: ["labels"] });
    const writable = Object.entries(args.writable ?? {});
    const tmpfs = {
      ...args.tmpfs,
      // Not the volumes themselves: nginx -t writes to what it checks.
      ...Object.fromEntries(writable.map(([path]) => [path, `rw,noexec,nosuid,nodev,${ownership(args.user)},mode=0700,size=1m`])),
    };
    new docker.Container(
      `${name}-job`,
      {
        ...jobProfile({
          owner: args.owner,
          component: args.component,
          user: "0:0",
          capabilities: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
          memory: 128,
          labels: { job: "files", files: args.id },
        }),
        image: args.image,
        networkMode: "none",
        entrypoints: ["timeout", "60", "/bin/sh", "/run/fill.sh"],
        envs: [
          pulumi.interpolate`FILES_ID=${args.id}`,
          `FILES_USER=${args.user}`,
          ...(args.check === undefined ? [] : [`FILES_CHECK=${args.check}`]),
        ],
        mounts: [
          { type: "volume", source: volume.name, target: "/files" },
          ...writable.map(([, source], index) => ({ type: "volume", source, target: `/writable/${index}` })),
        ],
        ...(Object.keys(tmpfs).length === 0 ? {} : { tmpfs }),
        uploads: [
          { file: "/run/fill.sh", content: fillScript, permissions: "0500" },
          { file: bundlePath, content: pulumi.output(args.files).apply(packFiles), permissions: "0600" },
        ],
      },
      {
        parent: this,
        // Pulumi hands a component's dependencies to none of its resources.
        dependsOn: opts?.dependsOn,
        deleteBeforeReplace: false,
        hooks: { afterCreate: [jobGate(`${name}-job`, args.dockerHost, args.onFilled)] },
      },
    );
    this.volume = volume.name;
    this.registerOutputs({ volume: this.volume });
  }
}

function ownership(user: string): string {
  const [uid, gid] = user.split(":");
  return `uid=${uid},gid=${gid}`;
}

const fillScript = readFileSync(join(import.meta.dirname, "..", "containers", "fill.sh"), "utf8");
