import { bundlePath, unpackFiles } from "../components/file-bundle.ts";

/** A container as a component declares it, its inputs revealed. */
export interface DeclaredContainer {
  /** Name in the Compose file. */
  readonly service: string;
  readonly inputs: Readonly<Record<string, any>>;
  /** Services that must be healthy, or jobs that must have succeeded, before it starts. */
  readonly needs: readonly { readonly service: string; readonly job: boolean }[];
}

/** What the names in a container's inputs are in the Compose file. */
export interface ComposeNames {
  /** Image by what the program calls it: its name, and how it is built where it isn't pulled; only one service builds it. */
  readonly image: (
    image: string,
    service: string,
  ) => { readonly image: string; readonly build?: Readonly<Record<string, unknown>>; readonly pull_policy?: string };
  readonly network: (name: string) => string;
  readonly volume: (name: string) => string;
  /** Path of a file or folder of this machine, relative to the Compose file. */
  readonly path: (path: string) => string;
  /** Folder of a service's own files, relative to the Compose file. */
  readonly files: (service: string) => string;
}

/** Whether a container runs to its end while others wait. */
export const isJob = (inputs: Readonly<Record<string, any>>): boolean => inputs.attach === true;

type Translate = (value: any, container: DeclaredContainer, names: ComposeNames) => Record<string, unknown>;

/** What each input of a container becomes; the order is that of the file. */
const translations: Readonly<Record<string, Translate>> = {
  image: (image, { service }, names) => ({ ...names.image(image, service) }),
  hostname: (hostname) => ({ hostname }),
  user: (user) => ({ user }),
  groupAdds: (groups) => ({ group_add: groups }),
  entrypoints: (entrypoint) => ({ entrypoint }),
  command: (command) => ({ command }),
  envs: (environment: string[]) => ({ environment: Object.fromEntries(environment.map((line) => line.split(/=(.*)/s).slice(0, 2))) }),
  networkMode: (mode) => ({ network_mode: mode }),
  networksAdvanced: (networks: any[], _, names) => ({
    networks: Object.fromEntries(networks.map(({ name, aliases }) => [names.network(name), aliases === undefined ? {} : { aliases }])),
  }),
  ports: (ports: any[]) => ({
    ports: ports.map(({ internal, external, ip }) => ({ target: internal, published: String(external), host_ip: ip, protocol: "tcp" })),
  }),
  mounts: (mounts: any[], _, names) => ({ volumes: mounts.map((mount) => mountOf(mount, names)) }),
  tmpfs: (folders: Record<string, string>) => ({ tmpfs: Object.entries(folders).map(([path, options]) => `${path}:${options}`) }),
  shmSize: (megabytes) => ({ shm_size: `${megabytes}m` }),
  healthcheck: ({ tests, interval, timeout, startPeriod, retries }) => ({
    healthcheck: { test: tests, interval, timeout, start_period: startPeriod, retries },
  }),
  restart: (restart) => ({ restart }),
  init: (init) => ({ init }),
  stopSignal: (signal) => ({ stop_signal: signal }),
  destroyGraceSeconds: (seconds) => ({ stop_grace_period: `${seconds}s` }),
  readOnly: (readOnly) => ({ read_only: readOnly }),
  capabilities: ({ drops, adds }: { drops?: string[]; adds?: string[] }) => ({
    ...(drops === undefined ? {} : { cap_drop: drops }),
    ...(adds === undefined ? {} : { cap_add: adds.map((name) => name.replace(/^CAP_/, "")) }),
  }),
  securityOpts: (options) => ({ security_opt: options }),
  cpuPeriod: (microseconds) => ({ cpu_period: microseconds }),
  cpuQuota: (microseconds) => ({ cpu_quota: microseconds }),
  cpuShares: (shares) => ({ cpu_shares: shares }),
  memory: (megabytes) => ({ mem_limit: `${megabytes}m` }),
  memorySwap: (megabytes) => ({ memswap_limit: `${megabytes}m` }),
  ulimits: (limits: any[]) => ({ ulimits: Object.fromEntries(limits.map(({ name, soft, hard }) => [name, { soft, hard }])) }),
  logDriver: (driver) => ({ logging: { driver } }),
  logOpts: (options) => ({ logging: { options } }),
  labels: (labels: { label: string; value: string }[]) => ({ labels: Object.fromEntries(labels.map(({ label, value }) => [label, value])) }),
};

/** Inputs that say how the provider makes a container: whether others wait for it is in their `depends_on`. */
const ofTheProvider = ["attach", "logs", "mustRun", "wait", "waitTimeout"];

/** Compose names containers itself, after their project. */
const left = ["name"];

/** Inputs that are files rather than keys; see uploadMounts. */
const files = ["uploads"];

/**
 * Returns a container as a service of a Compose file.
 *
 * @throws Error naming the container and the input that no translation is known for.
 */
export function composeService(container: DeclaredContainer, names: ComposeNames): Record<string, unknown> {
  const { service, needs } = container;
  const inputs = Object.fromEntries(Object.entries(container.inputs).filter(([, value]) => value !== undefined && value !== null));
  const known = [...Object.keys(translations), ...ofTheProvider, ...left, ...files];
  const unknown = Object.keys(inputs).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new Error(`${service}: there is no Compose key for ${unknown.map((key) => `container.${key}`).join(", ")}`);
  const result: Record<string, any> = {};
  for (const [key, translate] of Object.entries(translations)) {
    if (inputs[key] === undefined) continue;
    for (const [name, value] of Object.entries(translate(inputs[key], container, names))) {
      result[name] = name === "logging" ? { ...result.logging, ...(value as object) } : value;
    }
  }
  if (inputs.uploads !== undefined) {
    result.volumes = [...(result.volumes ?? []), ...uploadMounts(service, inputs.uploads, names)];
    result.cap_add = capabilitiesToRead(inputs);
  }
  // The provider has no such input; a hook sets it there.
  const processes = result.labels?.["django-stack.processes"];
  if (processes !== undefined) result.pids_limit = Number(processes);
  if (needs.length > 0) result.depends_on = Object.fromEntries(needs.map(({ service: other, job }) => [other, { condition: conditionOf(job) }]));
  return inOrder(result);
}

const conditionOf = (job: boolean) => (job ? "service_completed_successfully" : "service_healthy");

function mountOf({ type, source, target, readOnly }: any, names: ComposeNames): Record<string, unknown> {
  const from = type === "bind" ? names.path(source) : names.volume(source);
  return { type, source: from, target, ...(readOnly === true ? { read_only: true } : {}) };
}

/** A file that a container mounts. */
export interface MountedFile {
  readonly content: string;
  /** Its owner's alone, but where the upload may be read by others inside the container. */
  readonly mode: number;
}

/** Returns the files that a container's uploads are, by path below the service's folder. */
export function uploadedFiles(inputs: Readonly<Record<string, any>>): Record<string, MountedFile> {
  return Object.fromEntries(
    (inputs.uploads ?? []).flatMap(({ file, content, permissions }: any) => {
      const mode = 0o600 | (Number.parseInt(permissions, 8) & 0o044);
      const files =
        file === bundlePath ? Object.entries(unpackFiles(content)).map(([path, one]) => [`${bundleFolder}/${path}`, one]) : [[file, content]];
      return files.map(([path, one]) => [path.replace(/^\//, ""), { content: one, mode }]);
    }),
  );
}

/** Where a service finds the files of a bundle: whoever reads the Compose file reads them one by one. */
const bundleFolder = "/incoming";

/** The folder of a bundle whole, the rest file by file. */
function uploadMounts(service: string, uploads: readonly any[], names: ComposeNames): Record<string, unknown>[] {
  const targets = uploads.map(({ file }) => (file === bundlePath ? bundleFolder : file));
  return targets.map((target) => ({ type: "bind", source: `${names.files(service)}${target}`, target, read_only: true }));
}

/** An upload is root's own file; what is mounted belongs to whoever wrote the Compose file, and root without this couldn't read it. */
function capabilitiesToRead({ capabilities }: Readonly<Record<string, any>>): string[] {
  const given = (capabilities?.adds ?? []).map((name: string) => name.replace(/^CAP_/, ""));
  return given.includes("DAC_OVERRIDE") ? given : [...given, "DAC_READ_SEARCH"];
}

const first = ["image", "build", "pull_policy", "depends_on"];

function inOrder(service: Record<string, unknown>): Record<string, unknown> {
  const keys = [...first, ...Object.keys(service).filter((key) => !first.includes(key) && key !== "labels"), "labels"];
  return Object.fromEntries(keys.filter((key) => key in service).map((key) => [key, service[key]]));
}
