import { randomBytes } from "node:crypto";
import { hashBuildContext } from "../../../compose/build-context.ts";
import { createDockerResource, inspectDockerResource, removeDockerResource } from "../docker-resources.ts";
import { engineApi } from "../engine-api.ts";
import { ContainerFailure, runContainer } from "../run-container.ts";
import { PartialFailure, serveProvider, type Properties, type Provider } from "./provider.ts";

/** What the provider changes in a container that is there; the rest it only says that it changed. */
const applied = ["cpuShares", "memory", "memorySwap", "restart"];
const recorded = ["attach", "cpuPeriod", "cpuQuota", "destroyGraceSeconds", "healthcheck", "init", "logs", "mustRun", "tmpfs", "wait", "waitTimeout"];

const isToStart = (state: Properties, inputs: Properties) => state.mustRun === false && inputs.mustRun !== false;
const isContainer = (type: string) => type.endsWith(":Container");
const isImage = (type: string) => type.endsWith("/image:Image");

/** @pulumi/docker's resources, made on this machine's engine; what it answers follows the code of the Terraform provider below Pulumi's, 4.6. */
const provider: Provider = {
  check: (type, name, inputs, before) => {
    if (isContainer(type)) return { ...inputs, name: inputs.name ?? before?.name ?? `${name}-${randomBytes(4).toString("hex").slice(0, 7)}` };
    if (!isImage(type)) return inputs;
    const { context, dockerfile, ...options } = inputs.build;
    return { ...inputs, build: { ...inputs.build, contextDigest: hashBuildContext({ context, dockerfile, options }) } };
  },
  replaces: (type, property) => {
    if (isContainer(type)) return ![...applied, ...recorded].includes(property);
    return !isImage(type) && property !== "keepLocally";
  },
  computed: (type) => (isImage(type) ? ["repoDigest"] : []),
  create: async (type, _, inputs) => {
    // An image keeps its name as id, whatever is built later.
    if (isImage(type)) return { id: inputs.imageName, state: (await createDockerResource(type, inputs)).state };
    if (!isContainer(type)) return createDockerResource(type, inputs);
    return runContainer(inputs).catch((error) => {
      throw error instanceof ContainerFailure ? new PartialFailure(error.id, { ...inputs, id: error.id }, error.message) : error;
    });
  },
  update: async (type, id, state, inputs) => {
    if (isImage(type)) return (await createDockerResource(type, inputs)).state;
    // Started, and not waited for.
    if (isContainer(type) && isToStart(state, inputs)) await engineApi("POST", `/containers/${id}/start`);
    if (isContainer(type) && applied.some((key) => inputs[key] !== state[key])) {
      const { cpuShares, memory, memorySwap, restart } = inputs;
      const megabyte = 1024 * 1024;
      await engineApi("POST", `/containers/${id}/update`, {
        CpuShares: cpuShares,
        Memory: memory * megabyte,
        MemorySwap: memorySwap * megabyte,
        RestartPolicy: { Name: restart },
      });
    }
    return { ...state, mustRun: true, ...inputs };
  },
  read: async (type, id, state) => {
    if (isImage(type)) return state;
    const found = await inspectDockerResource(type, id);
    if (found === undefined) return undefined;
    return isContainer(type) ? { ...state, ...driftOf(state, found) } : state;
  },
  delete: (type, id, state) => removeDockerResource(type, id, state),
};

serveProvider("5.2.0", provider);

/** What the engine says that isn't as it was declared: a service that stands still, and ports in the order in which the engine has them. */
function driftOf({ mustRun, ports }: Properties, { State, NetworkSettings }: any): Properties {
  if (!State.Running) return mustRun === false ? {} : { mustRun: false, ...(ports === undefined ? {} : { ports: [] }) };
  if (ports === undefined) return {};
  const byInternal = Object.entries<any>(NetworkSettings.Ports)
    .map(([port, bindings]) => ({ internal: Number.parseInt(port, 10), bindings: bindings ?? [] }))
    .sort((a, b) => a.internal - b.internal);
  return {
    ports: byInternal.flatMap(({ internal, bindings }) =>
      bindings.map(({ HostIp, HostPort }: any) => ({ internal, external: Number(HostPort), ip: HostIp })),
    ),
  };
}
