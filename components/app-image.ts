import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { dockerCommand } from "./docker-engine.ts";
import type { Owner } from "./labels.ts";

export interface AppImageArgs {
  readonly owner: Owner;
  readonly dockerHost: string | undefined;
  /** Folder of the Django project, relative to the checkout. */
  readonly context: string;
  /** Dockerfile, relative to the context. */
  readonly dockerfile: string;
  /** Stage to build; undefined builds the last one. */
  readonly target: string | undefined;
  /** Values of the Dockerfile's ARGs by name. */
  readonly buildArgs: Readonly<Record<string, string>>;
}

/** The app's image, built where it runs and pushed nowhere. */
export class AppImage extends pulumi.ComponentResource {
  /** Id of the image; new content is a new id, which replaces the containers that run it. */
  readonly imageId: pulumi.Output<string>;
  /** First 12 digits of the id: names the release in responses, tags and labels. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, args: AppImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:AppImage", name, {}, opts);
    const repository = name;
    const tagRelease = new pulumi.ResourceHook(`${name}-tag`, async ({ newOutputs }) => {
      const id: unknown = newOutputs?.repoDigest;
      // Each release keeps a tag of its own, so that the image behind it outlives the next build.
      if (typeof id === "string") await dockerCommand(args.dockerHost)("tag", id, `${repository}:${shortId(id)}`);
    });
    const image = new docker.Image(
      name,
      {
        imageName: `${repository}:current`,
        skipPush: true,
        build: {
          context: args.context,
          dockerfile: join(args.context, args.dockerfile),
          target: args.target,
          args: {
            ...args.buildArgs,
            DJANGO_STACK_NAME: args.owner.name,
            DJANGO_STACK_STACK: args.owner.stack,
            DJANGO_STACK_CHECKOUT: args.owner.checkout,
          },
        },
      },
      { parent: this, hooks: { afterCreate: [tagRelease], afterUpdate: [tagRelease] } },
    );
    this.imageId = image.repoDigest;
    this.release = image.repoDigest.apply(shortId);
    this.registerOutputs({ imageId: this.imageId, release: this.release });
  }
}

/** Returns the first 12 digits of an image id such as `sha256:…` or of a digest such as `name@sha256:…`. */
export function shortId(imageId: string): string {
  return imageId.replace(/^.*sha256:/, "").slice(0, 12);
}
