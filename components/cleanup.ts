import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runOnVolumes, type DockerCommand } from "./docker-engine.ts";
import { labelFilters } from "./labels.ts";

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
 *
 * It runs beside the site's requests, while clients connect anew: so few commands, and one container.
 */
export async function cleanUp(args: CleanupArgs): Promise<void> {
  await removeOldImages(args);
  await removeOldFiles(args);
}

async function removeOldImages({ docker, prefix, name, stack }: CleanupArgs): Promise<void> {
  const repositories = [`${prefix}-django`, `${prefix}-backup-image`].flatMap((repository) => ["--filter", `reference=${repository}`]);
  const { stdout } = await docker("image", "ls", "--no-trunc", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}}", ...repositories);
  for (const { reference, id } of obsoleteImages(stdout)) {
    const { stdout: containers } = await docker("ps", "--all", "--quiet", "--filter", `ancestor=${id}`);
    if (containers === "") await docker("image", "rm", reference);
  }
  // A build that takes over a tag leaves the image that had it without any.
  await docker("image", "prune", "--force", ...labelFilters({ name, stack }));
}

/** Returns, from the lines `<repository> <tag> <id> <created>` of `docker image ls`, each release before the last three of its repository. */
export function obsoleteImages(lines: string): { readonly reference: string; readonly id: string }[] {
  const images = lines
    .split("\n")
    .map((line) => /^(\S+) (\S+) (\S+) (.+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, repository, tag, id, created]) => ({ repository, tag, id, created }))
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));
  return [...new Set(images.map(({ repository }) => repository))].flatMap((repository) => {
    const own = images.filter((image) => image.repository === repository);
    const current = own.filter(({ tag }) => tag === "current").map(({ id }) => id);
    const releases = own.filter(({ tag }) => /^[0-9a-f]{12}$/.test(tag));
    const kept = new Set([...current, ...releases.map(({ id }) => id).slice(0, keptReleases)]);
    return releases.filter(({ id }) => !kept.has(id)).map(({ tag, id }) => ({ reference: `${repository}:${tag}`, id }));
  });
}

async function removeOldFiles(args: CleanupArgs): Promise<void> {
  const { docker, prefix, container = `${prefix}-nginx`, filesVolume = (component) => `${prefix}-${component}-files` } = args;
  const format = '{{.Label "django-stack.component"}}/{{.Label "django-stack.files"}}';
  const { stdout } = await docker("ps", "--all", "--format", format, ...labelFilters({ name: args.name, stack: args.stack }));
  const used = stdout
    .split("\n")
    .map(ownFolder)
    .filter((folder) => {
      const [component, id] = folder.split("/");
      return componentsWithFiles.includes(component) && id !== "";
    });
  const components = componentsWithFiles.filter((component) => used.some((folder) => folder.startsWith(`${component}/`)));
  const folders = Object.fromEntries(components.map((component) => [`/folders/${component}`, filesVolume(component)]));
  await runOnVolumes({
    docker,
    image: (await docker("inspect", "--format", "{{.Image}}", container)).stdout.trim(),
    volumes: { "/files": `${prefix}-static-data`, ...folders },
    script: 'sh -ec "$1"; script=$2; shift 2; sh -ec "$script" sh "$@"',
    words: [pruneStaticScript, removeUnusedScript, ...used],
  });
}

/** Background processes read the app's files. */
function ownFolder(folder: string): string {
  return folder.replace(/^background\//, "django/");
}

const [pruneStaticScript, removeUnusedScript] = ["prune-static.sh", "remove-unused-files.sh"].map((name) =>
  readFileSync(join(import.meta.dirname, "..", "containers", name), "utf8"),
);
