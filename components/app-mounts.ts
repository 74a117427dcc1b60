import type { ContainerArgs } from "@pulumi/docker";
import type { Config } from "../config.ts";
import type { AppFiles } from "./app-files.ts";
import { mediaPath, staticPath, temporaryPath } from "./django-environment.ts";
import { sourceMounts } from "./source.ts";
import type { Volumes } from "./volumes.ts";

export interface AppMountsArgs {
  readonly config: { readonly app: Pick<Config["app"], "mountSource" | "contextPath" | "sourceRoot"> };
  readonly files: AppFiles;
  readonly volumes: Volumes;
}

/** Returns what every running process of the app finds mounted: the stack's files, static and media files, a place for temporary ones, its source. */
export function appMounts({ config, files, volumes }: AppMountsArgs) {
  return [
    files.mount,
    { type: "volume", source: volumes.staticData.name, target: staticPath, readOnly: true },
    { type: "volume", source: volumes.mediaData.name, target: mediaPath },
    { type: "volume", source: volumes.temporary.name, target: temporaryPath },
    ...sourceMounts(config.app),
  ] satisfies ContainerArgs["mounts"];
}
