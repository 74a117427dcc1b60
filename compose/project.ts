import { relative } from "node:path";
import type { Declarations, Declared, DeclaredImage } from "./declarations.ts";
import { composeService, isJob, uploadedFiles, type ComposeNames, type MountedFile } from "./service.ts";
import { renderText } from "./text.ts";

/** A Compose project, ready to be written. */
export interface ComposeProject {
  /** Text of compose.yaml. */
  readonly text: string;
  /** The files that it mounts, by path relative to it; secrets are among them. */
  readonly files: Readonly<Record<string, MountedFile>>;
  /** Volumes that the stack's data is on: Compose neither makes nor removes them. */
  readonly dataVolumes: readonly DataVolume[];
}

export interface DataVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly driverOpts: Readonly<Record<string, string>>;
}

/**
 * Renders the Compose project of a stack.
 *
 * @param folder absolute path of the folder that it will be written to.
 * @throws Error naming what the stack declares and no Compose key is known for.
 */
export function renderProject(declarations: Declarations, folder: string): ComposeProject {
  const { prefix, containers, networks, volumes } = declarations;
  const names = namesIn(declarations, folder);
  const services = containers.map((container) => [container.key, withFilesLabel(composeService(container, names), container, containers)] as const);
  const project = {
    name: prefix,
    services: Object.fromEntries([...services].sort(([a], [b]) => order(a, containers) - order(b, containers))),
    networks: Object.fromEntries(networks.map((network) => [network.key, networkOf(network)])),
    volumes: Object.fromEntries(volumes.filter(({ key }) => !isOwner(key)).map((volume) => [volume.key, volumeOf(volume)])),
  };
  const dataVolumes = volumes.filter((volume) => isOwner(volume.key) || isData(volume)).map(dataVolumeOf);
  return {
    text: renderText(project, {
      heading: heading(prefix, dataVolumes),
      comments: { services: comments(containers), networks: comments(networks), volumes: comments(volumes) },
    }),
    files: Object.fromEntries(
      containers.flatMap(({ key, inputs }) => Object.entries(uploadedFiles(inputs)).map(([path, file]) => [`files/${key}/${path}`, file])),
    ),
    dataVolumes,
  };
}

function namesIn({ prefix, containers, networks, volumes, images }: Declarations, folder: string): ComposeNames {
  const known = (objects: readonly Declared[], name: string) => {
    const object = objects.find(({ inputs, key }) => inputs.name === name || `${prefix}_${key}` === name);
    if (object === undefined) throw new Error(`${name}: a container of ${prefix} uses it, and nothing declares it`);
    return object.key;
  };
  const pathOf = (path: string) => {
    const way = relative(folder, path);
    return way.startsWith(".") ? way : `./${way}`;
  };
  return {
    network: (name) => known(networks, name),
    volume: (name) => known(volumes, name),
    path: pathOf,
    files: (service) => `./files/${service}`,
    image: (id, service) => {
      const image = images.find((one) => one.id === id);
      if (image === undefined) throw new Error(`${service}: its image ${id} is neither pulled nor built`);
      if (image.build === undefined) return { image: image.image };
      const builder = containers.find(({ inputs }) => inputs.image === id)?.key;
      // Nobody else has it to pull.
      return builder === service
        ? { image: image.image, build: buildOf(image.build, pathOf), pull_policy: "build" }
        : { image: image.image, pull_policy: "never" };
    },
  };
}

function buildOf({ context, dockerfile, target, args }: NonNullable<DeclaredImage["build"]>, pathOf: (path: string) => string) {
  return { context: pathOf(context), dockerfile: relative(context, dockerfile), ...(target === undefined ? {} : { target }), args };
}

/**
 * Gives a service the label of the files that it reads, where it has none of its own: other files make Compose replace it.
 *
 * With Pulumi a hook reloads nginx instead.
 */
function withFilesLabel(service: Record<string, unknown>, { inputs }: Declared, containers: Declarations["containers"]): Record<string, unknown> {
  const label = "django-stack.files";
  const labels = service.labels as Record<string, string>;
  if (isJob(inputs) || labels[label] !== undefined) return service;
  const read = (inputs.mounts ?? []).filter(({ readOnly }: any) => readOnly === true).map(({ source }: any) => source);
  const fills = containers.find(
    (other) => isJob(other.inputs) && other.inputs.mounts?.some(({ source }: any) => read.includes(source)) && filesOf(other),
  );
  return fills === undefined ? service : { ...service, labels: { ...labels, [label]: filesOf(fills) } };
}

const filesOf = ({ inputs }: Declared): string | undefined =>
  inputs.labels.find(({ label }: { label: string }) => label === "django-stack.job")?.value === "files"
    ? inputs.labels.find(({ label }: { label: string }) => label === "django-stack.files")?.value
    : undefined;

/** What others wait for comes first. */
function order(service: string, containers: Declarations["containers"]): number {
  const depth = (name: string): number => {
    const needs = containers.find(({ key }) => key === name)?.needs ?? [];
    return needs.length === 0 ? 0 : 1 + Math.max(...needs.map((need) => depth(need.service)));
  };
  return depth(service);
}

function networkOf({ inputs, ranges }: Declarations["networks"][number]): Record<string, unknown> {
  refuseUnknown("network", inputs, ["name", "internal", "ipv6", "labels"]);
  return {
    ...(inputs.internal === true ? { internal: true } : {}),
    ...(inputs.ipv6 === true ? { enable_ipv6: true } : {}),
    ipam: { config: ranges },
    labels: labelsOf(inputs),
  };
}

/** The volume that says whose the data volumes are; no container has it. */
const isOwner = (key: string): boolean => key === "owner";

/** Volumes with a label are made anew at will; those without hold what must be found again, whoever runs the stack. */
const isData = ({ inputs }: Declared): boolean => inputs.labels === undefined;

function volumeOf(volume: Declared): Record<string, unknown> {
  return isData(volume) ? { name: volume.inputs.name, external: true } : { labels: labelsOf(volume.inputs) };
}

function dataVolumeOf({ inputs }: Declared): DataVolume {
  refuseUnknown("volume", inputs, ["name", "labels", "driverOpts"]);
  return { name: inputs.name, labels: labelsOf(inputs), driverOpts: inputs.driverOpts ?? {} };
}

const labelsOf = ({ labels = [] }: Readonly<Record<string, any>>): Record<string, string> =>
  Object.fromEntries(labels.map(({ label, value }: { label: string; value: string }) => [label, value]));

function refuseUnknown(kind: string, inputs: Readonly<Record<string, any>>, known: readonly string[]): void {
  const unknown = Object.keys(inputs).filter((key) => inputs[key] !== undefined && !known.includes(key));
  if (unknown.length > 0) throw new Error(`${inputs.name}: there is no Compose key for ${unknown.map((key) => `${kind}.${key}`).join(", ")}`);
}

/** Returns, for each object, which resource it is and the source files of the components that it is part of, the innermost first. */
function comments(objects: readonly Declared[]): Record<string, string> {
  const origin = ({ components }: Declared) => {
    const paths = components.map((name) => `components/${name.replace(/(?<!^)([A-Z])/g, "-$1").toLowerCase()}.ts`);
    return (paths.length > 0 ? paths : ["index.ts"]).join(", for ");
  };
  return Object.fromEntries(objects.map((object) => [object.key, `${object.resource}: ${origin(object)}`]));
}

function heading(prefix: string, volumes: readonly DataVolume[]): string {
  const option = (name: string, values: Readonly<Record<string, string>>) =>
    Object.entries(values).map(([key, value]) => `--${name} ${key}=${value} `);
  const commands = volumes.map(
    ({ name, labels, driverOpts }) => `  docker volume create ${[...option("label", labels), ...option("opt", driverOpts)].join("")}${name}`,
  );
  return `Stack ${prefix} as a Compose project, written by \`npm run compose\` from what index.ts declares. Changes here are lost with the next one.

The data is on volumes that Compose neither makes nor removes, \`docker compose down --volumes\` included. \`npm run compose\` makes
them; by hand, once:
${commands.join("\n")}`;
}
