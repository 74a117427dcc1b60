import { setTimeout as sleep } from "node:timers/promises";
import { engineApi, tarArchive } from "./engine-api.ts";

const megabyte = 1024 * 1024;
const nanoseconds = (duration: string) => {
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?([\d.]+)s$/.exec(duration) ?? /^()()(\d+)ms$/.exec(duration);
  if (parts === null) throw new Error(`${duration}: no duration as Go writes it`);
  const [hours, minutes, rest] = parts.slice(1).map((part) => Number(part ?? 0));
  return Math.round((hours * 3600 + minutes * 60 + rest / (duration.endsWith("ms") ? 1000 : 1)) * 1e9);
};

/** What failed after a container had been made: the container stays as it is, as the provider leaves it. */
export class ContainerFailure extends Error {
  readonly id: string;

  constructor(id: string, cause: unknown) {
    super((cause as Error).message, { cause });
    this.id = id;
  }
}

/**
 * Makes and starts a container as the provider does: uploads before the start, then waits for its end or its health.
 *
 * @param signal leaves it as it is then.
 * @throws ContainerFailure where it was made and isn't what was asked for.
 */
export async function runContainer(inputs: Record<string, any>, signal?: AbortSignal): Promise<{ id: string; state: Record<string, any> }> {
  for (const { file, content } of inputs.uploads ?? [])
    if (content === "") throw new Error(`${file}: the provider refuses an upload without content`);
  if (inputs.command?.includes("")) throw new Error(`${inputs.name}: the provider refuses a command with an empty word`);
  const networks: any[] = inputs.networksAdvanced ?? [];
  const ports = inputs.ports ?? [];
  const { Id: id } = await engineApi("POST", `/containers/create?name=${inputs.name}`, {
    Image: inputs.image,
    User: inputs.user,
    Hostname: inputs.hostname,
    Env: inputs.envs,
    Entrypoint: inputs.entrypoints,
    Cmd: inputs.command?.length > 0 ? inputs.command : undefined,
    Labels: Object.fromEntries(inputs.labels.map(({ label, value }: any) => [label, value])),
    StopSignal: inputs.stopSignal,
    Healthcheck: inputs.healthcheck && {
      Test: inputs.healthcheck.tests,
      Interval: nanoseconds(inputs.healthcheck.interval),
      Timeout: nanoseconds(inputs.healthcheck.timeout),
      StartPeriod: nanoseconds(inputs.healthcheck.startPeriod),
      StartInterval: inputs.healthcheck.startInterval && nanoseconds(inputs.healthcheck.startInterval),
      Retries: inputs.healthcheck.retries,
    },
    ExposedPorts: Object.fromEntries(ports.map(({ internal }: any) => [`${internal}/tcp`, {}])),
    HostConfig: {
      ReadonlyRootfs: inputs.readOnly,
      Tmpfs: inputs.tmpfs,
      GroupAdd: inputs.groupAdds,
      CapAdd: inputs.capabilities?.adds,
      CapDrop: inputs.capabilities?.drops,
      SecurityOpt: inputs.securityOpts,
      Init: inputs.init,
      RestartPolicy: { Name: inputs.restart },
      CpuPeriod: inputs.cpuPeriod,
      CpuQuota: inputs.cpuQuota,
      CpuShares: inputs.cpuShares,
      Memory: inputs.memory * megabyte,
      MemorySwap: inputs.memorySwap * megabyte,
      ShmSize: inputs.shmSize === undefined ? undefined : inputs.shmSize * megabyte,
      Ulimits: inputs.ulimits.map(({ name, soft, hard }: any) => ({ Name: name, Soft: soft, Hard: hard })),
      LogConfig: { Type: inputs.logDriver, Config: inputs.logOpts },
      Mounts: inputs.mounts?.map(({ type, source, target, readOnly }: any) => ({ Type: type, Source: source, Target: target, ReadOnly: readOnly })),
      PortBindings: ports.reduce((bindings: any, { internal, external, ip }: any) => {
        (bindings[`${internal}/tcp`] ??= []).push({ HostIp: ip, HostPort: String(external) });
        return bindings;
      }, {}),
      NetworkMode: inputs.networkMode ?? networks[0]?.name,
    },
    NetworkingConfig: networks.length > 0 ? { EndpointsConfig: { [networks[0].name]: { Aliases: networks[0].aliases } } } : undefined,
  });
  try {
    return { id, state: await startContainer(id, inputs, signal) };
  } catch (error) {
    throw new ContainerFailure(id, error);
  }
}

/** Connects, fills and starts a container that was made, and waits for it; returns its outputs. */
async function startContainer(id: string, inputs: Record<string, any>, signal?: AbortSignal): Promise<Record<string, any>> {
  signal?.throwIfAborted();
  for (const { name, aliases } of (inputs.networksAdvanced ?? []).slice(1))
    await engineApi("POST", `/networks/${name}/connect`, { Container: id, EndpointConfig: { Aliases: aliases } });
  if (inputs.uploads !== undefined) await engineApi("PUT", `/containers/${id}/archive?path=/`, tarArchive(inputs.uploads), "application/x-tar");
  signal?.throwIfAborted();
  await engineApi("POST", `/containers/${id}/start`);
  const state = { ...inputs, id };
  if (inputs.attach) {
    const { StatusCode: exitCode } = await engineApi("POST", `/containers/${id}/wait`);
    return { ...state, exitCode };
  }
  const end = Date.now() + inputs.waitTimeout * 1000;
  for (;;) {
    signal?.throwIfAborted();
    const { State } = await engineApi("GET", `/containers/${id}/json`);
    if (State.Health?.Status === "healthy") return state;
    if (Date.now() > end) throw new Error(`${inputs.name} isn't healthy after ${inputs.waitTimeout} s`);
    await sleep(200);
  }
}
