import { createHash, type Hash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";

export interface BuildContextArgs {
  /** Folder that is sent to the engine; undefined where its content doesn't count. */
  readonly context: string | undefined;
  /** Path of the Dockerfile. */
  readonly dockerfile: string;
  /** Whatever else the image is made from: stage, build arguments. */
  readonly options: unknown;
}

/**
 * Returns the SHA-256 sum of all that an image is built from, but what its base images are, as hexadecimal digits.
 *
 * Files that .dockerignore leaves out don't count.
 */
export function hashBuildContext({ context, dockerfile, options }: BuildContextArgs): string {
  const hash = createHash("sha256").update(JSON.stringify(options)).update(readFileSync(dockerfile));
  if (context === undefined) return hash.digest("hex");
  const ignored = dockerignore.default();
  const own = `${dockerfile}.dockerignore`;
  const path = existsSync(own) ? own : join(context, ".dockerignore");
  const lines = existsSync(path) ? readFileSync(path, "utf8") : "";
  ignored.add(lines);
  // A line with an exclamation mark may take a file of an ignored folder back in.
  const exceptions = /^\s*!/m.test(lines);
  addFolder(hash, context, "", { file: (name) => ignored.ignores(name), folder: (name) => !exceptions && ignored.ignores(name) });
  return hash.digest("hex");
}

interface Ignored {
  readonly file: (path: string) => boolean;
  readonly folder: (path: string) => boolean;
}

function addFolder(hash: Hash, context: string, folder: string, ignored: Ignored): void {
  for (const name of readdirSync(join(context, folder)).sort()) {
    const file = folder === "" ? name : `${folder}/${name}`;
    const path = join(context, file);
    const status = lstatSync(path);
    if (status.isDirectory()) {
      if (!ignored.folder(file)) addFolder(hash, context, file, ignored);
    } else if (ignored.file(file)) continue;
    else if (status.isSymbolicLink()) hash.update(JSON.stringify([file, "link", readlinkSync(path)]));
    else if (status.isFile()) hash.update(JSON.stringify([file, (status.mode & 0o111) !== 0, status.size])).update(readFileSync(path));
  }
}
