import { readFileSync } from "node:fs";
import { join } from "node:path";
import { labelFilters } from "./labels.ts";
import { runOnVolumes, type DockerCommand } from "./docker-engine.ts";

/** Releases whose images are kept: the one in use and the two before it, to go back to. */
const keptReleases = 3;

/** Components whose secrets and configurations lie on a volume of their own. */
const componentsWithFiles = ["backup", "django", "nginx"];

export interface CleanupArgs {
  readonly docker: DockerCommand;
  /** What every name of this stack begins with. */
  readonly prefix: string;
  /** `django-stack.name` and `.stack` of this stack. */
  readonly name: string;
  readonly stack: string;
  /** Name of nginx's container, whose image has the shell. @default - `<prefix>-nginx` */
  readonly container?: string;
  /** Returns the name of the volume that has a component's files. @default - `<prefix>-<component>-files` */
  readonly filesVolume?: (component: string) => string;
}

/**
 * Removes what a successful `up` leaves behind: images and static files older than the last three releases, and secrets and
 * configurations of no container.
 */
export async function cleanUp(args: CleanupArgs): Promise<void> {
  await removeOldImages(args);
  await removeOldStaticFiles(args);
  await removeOldFiles(args);
}

async function removeOldImages({ docker, prefix, name, stack }: CleanupArgs): Promise<void> {
  const { stdout: used } = await docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}");
  const containers = used.split("\n").filter((id) => id !== "");
  const inUse = containers.length === 0 ? "" : (await docker("inspect", "--format", "{{.Image}}", ...containers)).stdout;
  for (const repository of [`${prefix}-django`, `${prefix}-backup-image`]) {
    const { stdout } = await docker("image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Tag}} {{.CreatedAt}}", repository);
    for (const tag of obsoleteTags(stdout, inUse.split("\n"))) await docker("image", "rm", `${repository}:${tag}`);
  }
  // A build that takes over a tag leaves the image that had it without any.
  await docker("image", "prune", "--force", ...labelFilters({ name, stack }));
}

/**
 * Returns the tags to remove from the lines `<id> <tag> <created>` of `docker image ls`.
 *
 * @param inUse ids of the images that containers of any state run.
 */
export function obsoleteTags(lines: string, inUse: readonly string[]): string[] {
  const images = lines
    .split("\n")
    .map((line) => /^(\S+) (\S+) (.+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, id, tag, created]) => ({ id, tag, created }))
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));
  const current = images.filter(({ tag }) => tag === "current").map(({ id }) => id);
  const releases = images.filter(({ tag }) => /^[0-9a-f]{12}$/.test(tag));
  const kept = new Set([...current, ...releases.map(({ id }) => id).slice(0, keptReleases)]);
  return releases.filter(({ id }) => !kept.has(id) && !inUse.includes(id)).map(({ tag }) => tag);
}

async function removeOldStaticFiles({ docker, prefix, container = `${prefix}-nginx` }: CleanupArgs): Promise<void> {
  await runOnVolumes({ docker, volumes: { "/files": `${prefix}-static-data` }, container, script: pruneScript, words: [] });
}

const pruneScript = readFileSync(join(import.meta.dirname, "..", "containers", "prune-static.sh"), "utf8");

async function removeOldFiles(args: CleanupArgs): Promise<void> {
  const { docker, prefix, name, stack, container = `${prefix}-nginx`, filesVolume = (component) => `${prefix}-${component}-files` } = args;
  const used: Record<string, string[]> = {};
  for (const component of componentsWithFiles) {
    const { stdout } = await docker("ps", "--all", "--format", '{{.Label "django-stack.files"}}', ...labelFilters({ name, stack, component }));
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) used[component] = ids;
  }
  const components = Object.keys(used);
  if (components.length === 0) return;
  await runOnVolumes({
    docker,
    volumes: Object.fromEntries(components.map((component) => [`/files/${component}`, filesVolume(component)])),
    container,
    script: removeUnusedScript,
    words: components.flatMap((component) => used[component].map((id) => `${component}/${id}`)),
  });
}

// Whatever a container names stays, and so does what is current; a name that starts with a dot is a job's work in progress.
const removeUnusedScript = `
for folder in /files/*; do
  cd "$folder"
  current=$(readlink current || true)
  for id in *; do
    case " $* \${folder##*/}/current \${folder##*/}/$current " in *" \${folder##*/}/$id "*) ;; *) rm -rf "$id" ;; esac
  done
done`;
