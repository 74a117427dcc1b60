import { engineApi } from "./engine-api.ts";

/** One change that an `up` made, as in `create docker:index/container:Container movies-prod-nginx`. */
export type Operation = string;

/** Brings a stack of a test's own up and down. */
export interface StackDriver {
  /** The stack's config, without the `django-stack:`; the next `up` takes it. */
  config: Record<string, unknown>;
  /** What the last `up` warned of, where the driver can tell. */
  readonly warnings?: readonly string[];
  /** Brings the stack up to date; rejects with what was printed when that fails. */
  up(): Promise<{ outputs: Record<string, any>; operations: Operation[] }>;
  /** Whether what depends on a replaced container may be replaced with it, as some versions of Docker Compose do. */
  readonly replacesDependents?: boolean;
  /** Removes all but protected data. */
  destroy(): Promise<void>;
  /** Removes everything of this name, whoever made it: what an earlier, killed run left, and at the end this run's. */
  sweep(): Promise<void>;
  /** Removes what the driver itself made beside the stack. */
  dispose(): void;
}

/** A driver whose `up` can be killed. */
export interface KillableStack extends StackDriver {
  /**
   * Runs `up` and ends it for good some seconds after it has begun an operation.
   *
   * @param operation the how many-th, from 1.
   * @returns the operations that were begun; all of them where `up` ended before.
   */
  upKilled(operation: number, seconds: number): Promise<Operation[]>;
  /** Does what `npm run up` does after that. */
  upAgain(): Promise<void>;
  /** Ids of what it knows to be there. */
  recorded(): Promise<readonly string[]>;
}

export type MakeStack = (stack: string, config: Record<string, unknown>) => StackDriver;

/** Removes all containers, networks, volumes and images of a stack, by names that begin with a prefix and by labels. */
export async function sweepDocker(prefix: string): Promise<void> {
  await sweepObjects(prefix);
  for (const { Id, RepoTags, Labels } of await engineApi("GET", `/images/json`)) {
    const tags = (RepoTags ?? []).filter((name: string) => name !== "<none>:<none>");
    for (const tag of tags.filter((name: string) => name.startsWith(prefix))) await engineApi("DELETE", `/images/${tag}?force=true`);
    if (tags.length === 0 && isLabelled(Labels, prefix)) await engineApi("DELETE", `/images/${Id}?force=true`);
  }
}

/** Whether labels are those of the stack whose names begin with a prefix. */
const isLabelled = (labels: Readonly<Record<string, string>> | null, prefix: string) =>
  `${labels?.["django-stack.name"]}-${labels?.["django-stack.stack"]}-` === prefix;

/** Removes all containers, networks and volumes whose names begin with a prefix that ends in a hyphen, or Compose's underscore; leaves the images. */
export async function sweepObjects(prefix: string): Promise<void> {
  const project = prefix.replace(/-$/, "");
  const filter = encodeURIComponent(JSON.stringify({ name: [project] }));
  const named = (name: string) => [prefix, `${project}_`].some((start) => name.replace(/^\//, "").startsWith(start));
  for (const { Id, Names, Labels } of await engineApi("GET", `/containers/json?all=true`)) {
    // A killed build leaves a container with the image's labels and a name of its own.
    if (isLabelled(Labels, prefix) || Names.some(named)) await engineApi("DELETE", `/containers/${Id}?force=true&v=true`);
  }
  for (const { Id, Name } of await engineApi("GET", `/networks?filters=${filter}`)) {
    if (named(Name)) await engineApi("DELETE", `/networks/${Id}`);
  }
  for (const { Name } of (await engineApi("GET", `/volumes?filters=${filter}`)).Volumes ?? []) {
    if (named(Name)) await engineApi("DELETE", `/volumes/${Name}?force=true`);
  }
}
