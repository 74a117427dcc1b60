import { randomBytes } from "node:crypto";
import { hashBuildContext } from "../../../compose/build-context.ts";
import { createDockerResource, inspectDockerResource, removeDockerResource } from "../docker-resources.ts";
import { engineApi } from "../engine-api.ts";
import { ContainerFailure, runContainer } from "../run-container.ts";
import { PartialFailure, serveProvider, type Provider } from "./provider.ts";

/** What the provider changes in a container that is there; the rest it only says that it changed. */
const applied = ["cpuShares", "memory", "memorySwap", "restart"];
const recorded = ["attach", "cpuPeriod", "cpuQuota", "destroyGraceSeconds", "healthcheck", "init", "logs", "mustRun", "tmpfs", "wait", "waitTimeout"];

const isContainer = (type: string) => type.endsWith(":Container");
const isImage = (type: string) => type.endsWith("/image:Image");

/** @pulumi/docker's resources, made on this machine's engine; what it answers is a test's reading of the provider, not its code. */
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
    return { ...state, ...inputs };
  },
  read: async (type, id, state) => {
    if (isImage(type)) return state;
    const found = await inspectDockerResource(type, id);
    if (found === undefined) return undefined;
    // A service that doesn't run is removed by the provider's own reading of it.
    if (isContainer(type) && state.mustRun !== false && !found.State.Running) {
      await removeDockerResource(type, id, state);
      return undefined;
    }
    return state;
  },
  delete: (type, id, state) => removeDockerResource(type, id, state),
};

serveProvider("5.2.0", provider);
