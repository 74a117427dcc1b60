import { resolve } from "node:path";
import { addressesOf, type AddressRange } from "./addresses.ts";
import { hashBuildContext } from "./build-context.ts";
import type { GeneratedValues } from "./generated-values.ts";
import { reveal, runOnMocks, type Registration } from "./mock-runtime.ts";
import { isJob, type DeclaredContainer } from "./service.ts";

/** An object that the program declares, by its name in the Compose file. */
export interface Declared {
  readonly key: string;
  readonly inputs: Readonly<Record<string, any>>;
  /** Types of the components that it is part of, the innermost first, such as `FilesVolume`. */
  readonly components: readonly string[];
  /** Name of the resource. */
  readonly resource: string;
}

export interface DeclaredNetwork extends Declared {
  readonly ranges: readonly AddressRange[];
}

export interface DeclaredImage {
  /** What the program calls it. */
  readonly id: string;
  /** Name and tag. */
  readonly image: string;
  /** Absolute paths, and what it is built with; undefined where it is pulled. */
  readonly build: { readonly context: string; readonly dockerfile: string; readonly target?: string; readonly args?: object } | undefined;
}

/** All that a stack is on a Docker host. */
export interface Declarations {
  /** What every name begins with, without the hyphen. */
  readonly prefix: string;
  readonly containers: readonly (Declared & DeclaredContainer)[];
  readonly networks: readonly DeclaredNetwork[];
  readonly volumes: readonly Declared[];
  readonly images: readonly DeclaredImage[];
  /** The program's exports. */
  readonly outputs: Readonly<Record<string, any>>;
}

export interface DeclareArgs {
  /** Folder of the checkout. */
  readonly folder: string;
  /** Name of the Pulumi project, and of the stack. */
  readonly project: string;
  readonly stack: string;
  /** Config by whole key, as Pulumi hands it over. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  readonly values: GeneratedValues;
  /** Whether the app's containers see a build context as it is now, in place of what their image was built from. */
  readonly isMounted: (context: string) => Promise<boolean>;
  /** Loads the program; returns its exports. */
  readonly run: () => Promise<Readonly<Record<string, unknown>>>;
}

/** Runs the program and returns the Docker objects that it declares; random values and certificates are those of `values`. */
export async function declare(args: DeclareArgs): Promise<Declarations> {
  const prefix = `${args.config[`${args.project}:name`] ?? args.project}-${args.stack}`;
  const keyOf = (name: string) => name.slice(prefix.length + 1);
  const images: DeclaredImage[] = [];
  const { registrations, outputs } = await runOnMocks({
    ...args,
    create: async (registration) => {
      const { type, name } = registration;
      const inputs = reveal(registration.inputs);
      switch (kindOf(type)) {
        case "Container":
          // Its name on the networks is the service's.
          return { id: keyOf(name), state: { ...inputs, name: inputs.name ?? keyOf(name) } };
        case "Network":
          // Compose names its own, after the project.
          return { id: name, state: { ...inputs, name: `${prefix}_${keyOf(name)}`, ipamConfigs: addressesOf(prefix, keyOf(name), inputs) } };
        case "Volume":
          return { id: name, state: inputs };
        case "RemoteImage":
          images.push({ id: inputs.name, image: inputs.name, build: undefined });
          return { id: name, state: { ...inputs, imageId: inputs.name } };
        case "Image": {
          const image = await builtImage(inputs, args);
          images.push(image);
          return { id: name, state: { ...inputs, repoDigest: image.id } };
        }
        default:
          return { id: name, state: { ...inputs, ...(await args.values.outputsOf(type, name, inputs)) } };
      }
    },
  });
  const declared = (kind: string) =>
    registrations
      .filter(({ type }) => kindOf(type) === kind)
      .map(({ name, inputs, parent, dependencies }) => ({
        key: keyOf(name),
        inputs: reveal(inputs),
        components: componentsOf(parent, registrations),
        resource: name,
        dependencies,
      }));
  const containers = declared("Container");
  const needs = new Map(containers.map(({ key, dependencies }) => [key, needsOf(dependencies, containers)]));
  return {
    prefix,
    containers: containers.map((container) => ({ ...container, service: container.key, needs: withoutImplied(container.key, needs) })),
    networks: declared("Network").map((network) => ({ ...network, ranges: addressesOf(prefix, network.key, network.inputs) })),
    volumes: declared("Volume"),
    images,
    outputs: { ...outputs, image: images.find(({ id }) => id === outputs.image)?.image },
  };
}

/** Last part of a resource's type, such as `Container`. */
const kindOf = (type: string): string => type.split(":").at(-1) ?? type;

/** Type and name of what a URN is of, the latter as registered. */
function partsOf(urn: string): { type: string; name: string } {
  const [, , types, name] = urn.split("::");
  return { type: types.split("$").at(-1) ?? types, name };
}

function componentsOf(parent: string, registrations: readonly Registration[]): string[] {
  if (parent === "") return [];
  const { type, name } = partsOf(parent);
  if (!type.startsWith("django-stack:")) return [];
  const component = registrations.find((registration) => registration.type === type && registration.name === name);
  return [kindOf(type), ...componentsOf(component?.parent ?? "", registrations)];
}

interface Need {
  readonly service: string;
  readonly job: boolean;
}

function needsOf(dependencies: readonly string[], containers: readonly Declared[]): Need[] {
  const names = dependencies.map(partsOf).filter(({ type }) => kindOf(type) === "Container");
  return containers
    .filter(({ resource }) => names.some(({ name }) => name === resource))
    .map(({ key, inputs }) => ({ service: key, job: isJob(inputs) }))
    .sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** Leaves out what another need waits for anyway. */
function withoutImplied(service: string, needs: ReadonlyMap<string, readonly Need[]>): Need[] {
  const below = (name: string): string[] => (needs.get(name) ?? []).flatMap((need) => [need.service, ...below(need.service)]);
  const own = needs.get(service) ?? [];
  const implied = new Set(own.flatMap((need) => below(need.service)));
  return own.filter((need) => !implied.has(need.service));
}

async function builtImage({ imageName, build }: Readonly<Record<string, any>>, { folder, isMounted }: DeclareArgs): Promise<DeclaredImage> {
  const { target, args } = build;
  const [context, dockerfile] = [build.context, build.dockerfile].map((path: string) => resolve(folder, path));
  // What is mounted needs no new container when it changes; whether the image did, Compose sees for itself.
  const hash = hashBuildContext({ context: (await isMounted(context)) ? undefined : context, dockerfile, options: { target, args } });
  return { id: `sha256:${hash}`, image: `${imageName.replace(/:current$/, "")}:${hash.slice(0, 12)}`, build: { context, dockerfile, target, args } };
}
