import type { DockerCommand } from "./components/docker-engine.ts";
import type { Config } from "./config.ts";

/** An object on the Docker host that has a name of this stack's. */
interface Found {
  readonly name: string;
  /** Whose it is, as `ownerOf` puts it. */
  readonly owner: string;
}

/** What there is on the Docker host under this stack's names. */
export interface StackObjects {
  readonly networks: readonly Found[];
  readonly containers: readonly Found[];
  readonly volumes: readonly Found[];
}

/** Format by which docker's lists print whose an object is. */
export const ownerLabels = '{{.Label "django-stack.name"}}|{{.Label "django-stack.stack"}}|{{.Label "django-stack.checkout"}}';

/** Returns whose this stack's objects are, in the form of `ownerLabels`. */
export const ownerOf = ({ name, stack, owner }: Config): string => `${name}|${stack}|${owner.checkout}`;

const roles = {
  networks: /^-(edge|app|db|dev|backup)$/,
  containers: /^-(nginx|django|postgres|backup)(-|$)/,
  volumes:
    /^-(owner|static-data|media-data|cache|acme-state|temporary|backups|backup-work|postgres-\d+-data|postgres-socket|(nginx|django|postgres|backup)-files)$/,
};

/** Lists what has a name of this stack's, whoever made it. */
export async function stackObjects({ prefix }: Config, docker: DockerCommand): Promise<StackObjects> {
  const named = async (command: string[], name: string, role: RegExp): Promise<Found[]> => {
    const { stdout } = await docker(...command, "--format", `{{.${name}}} ${ownerLabels}`);
    const objects = stdout.split("\n").map((line) => line.split(" "));
    return objects
      .filter(([object]) => object.startsWith(`${prefix}-`) && role.test(object.slice(prefix.length)))
      .map(([object, owner]) => ({ name: object, owner }));
  };
  const [networks, containers, volumes] = await Promise.all([
    named(["network", "ls"], "Name", roles.networks),
    named(["ps", "--all"], "Names", roles.containers),
    named(["volume", "ls"], "Name", roles.volumes),
  ]);
  // Docker lets nobody label a volume that is there: one of them says whose all are. No container uses that one, and pruning takes it first.
  const owner = volumes.find(({ name }) => name === `${prefix}-owner`)?.owner ?? onlyOwner([...networks, ...containers, ...volumes]);
  return { networks, containers, volumes: volumes.map(({ name }) => ({ name, owner })) };
}

/** Whose all those are that say whose they are; nobody's where they don't agree. */
function onlyOwner(objects: readonly Found[]): string {
  const owners = [...new Set(objects.map(({ owner }) => owner).filter((owner) => owner !== nobody))];
  return owners.length === 1 ? owners[0] : nobody;
}

/** How docker prints `ownerLabels` of what has none of them. */
const nobody = "||";

/** Says whose the objects are that aren't this checkout's, a line each owner, with what to do. */
export function ownershipProblems({ networks, containers, volumes }: StackObjects, config: Config): string[] {
  const kinds = Object.entries({ network: networks, container: containers, volume: volumes });
  const found = kinds.flatMap(([kind, objects]) => objects.map(({ name, owner }) => ({ kind, name, owner })));
  const others = Map.groupBy(
    found.filter(({ owner }) => owner !== ownerOf(config)),
    ({ owner }) => owner,
  );
  return [...others].map(([owner, objects]) => {
    const [name, stack, checkout] = owner.split("|");
    const listed = [...Map.groupBy(objects, ({ kind }) => kind)].map(
      ([kind, same]) => `${kind}${same.length > 1 ? "s" : ""} ${same.map((object) => object.name).join(", ")}`,
    );
    const [exist, they, belong, are] = objects.length > 1 ? ["exist", "they", "belong", "are"] : ["exists", "it", "belongs", "is"];
    const whose = checkout ? `${they} ${belong} to stack ${stack} of ${name}, checkout ${checkout}` : `nothing says whose ${they} ${are}`;
    const adopt =
      checkout && name === config.name && stack === config.stack
        ? `; where ${they} ${are} meant for this checkout, write ${checkout} into .state/checkout, or set checkout to it in the stack's file`
        : "";
    const unowned = objects.some(({ kind }) => kind === "volume") && !checkout;
    const labels = Object.entries({ name: config.name, stack: config.stack, checkout: config.owner.checkout }).map(
      ([key, value]) => `--label django-stack.${key}=${value}`,
    );
    const claim = unowned ? `; where ${they} ${are} this stack's own, docker volume create ${labels.join(" ")} ${config.prefix}-owner` : "";
    return `${listed.join(", ")} ${exist} and ${whose}; fix: choose another \`name\` in this stack's config, or remove the other stack from its own checkout${adopt}${claim}`;
  });
}
