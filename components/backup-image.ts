import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Owner } from "./labels.ts";

export interface BackupImageArgs {
  readonly owner: Owner;
  /** Name of the server's image, whose programs dump and restore. */
  readonly postgresImage: pulumi.Input<string>;
  /** Image that restic is taken from. */
  readonly resticImage: string;
  /** Whether backups are sent by sftp. */
  readonly sftp: boolean;
}

/** Postgres' own programs and restic in one image, with the scripts of containers/backup. */
export class BackupImage extends pulumi.ComponentResource {
  readonly imageId: pulumi.Output<string>;

  constructor(name: string, args: BackupImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:BackupImage", name, {}, opts);
    const image = new docker.Image(
      name,
      {
        imageName: `${name}:current`,
        skipPush: true,
        build: {
          context: scripts,
          dockerfile: join(scripts, "Dockerfile"),
          args: {
            POSTGRES: args.postgresImage,
            RESTIC: args.resticImage,
            PACKAGES: args.sftp ? "openssh-client" : "",
            DJANGO_STACK_NAME: args.owner.name,
            DJANGO_STACK_STACK: args.owner.stack,
            DJANGO_STACK_CHECKOUT: args.owner.checkout,
          },
        },
      },
      { parent: this },
    );
    this.imageId = image.repoDigest;
    this.registerOutputs({ imageId: this.imageId });
  }
}

const scripts = "./containers/backup";
