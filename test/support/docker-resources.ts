import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { engineApi } from "./engine-api.ts";

const execute = promisify(execFile);

/** A resource's id and outputs. */
export interface DockerResource {
  readonly id: string;
  readonly state: Record<string, any>;
}

/** Makes what a resource of @pulumi/docker declares, all but containers, on this machine's engine. */
export async function createDockerResource(type: string, inputs: Record<string, any>): Promise<DockerResource> {
  const labels = Object.fromEntries((inputs.labels ?? []).map(({ label, value }: any) => [label, value]));
  switch (type) {
    case "docker:index/image:Image":
      return buildImage(inputs);
    case "docker:index/remoteImage:RemoteImage": {
      const { Id: imageId } = await engineApi("GET", `/images/${inputs.name}/json`);
      return { id: imageId, state: { ...inputs, imageId } };
    }
    case "docker:index/network:Network": {
      const settings = { Name: inputs.name, Internal: inputs.internal, EnableIPv6: inputs.ipv6 ?? false, Labels: labels };
      const { Id: id } = await engineApi("POST", "/networks/create", settings);
      const { IPAM } = await engineApi("GET", `/networks/${id}`);
      return { id, state: { ...inputs, ipamConfigs: IPAM.Config.map(({ Subnet, Gateway }: any) => ({ subnet: Subnet, gateway: Gateway })) } };
    }
    case "docker:index/volume:Volume":
      await engineApi("POST", "/volumes/create", { Name: inputs.name, Labels: labels, DriverOpts: inputs.driverOpts });
      return { id: inputs.name, state: inputs };
    default:
      throw new Error(`${type} isn't known to the tests`);
  }
}

async function buildImage({ imageName, build: options }: Record<string, any>): Promise<DockerResource> {
  const args = Object.entries(options.args ?? {}).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  const target = options.target === undefined ? [] : ["--target", options.target];
  await execute("docker", ["build", "--quiet", "--force-rm", "--tag", imageName, "--file", options.dockerfile, ...target, ...args, options.context], {
    maxBuffer: 1e8,
    // The provider asks the engine itself, which doesn't write into an image when it was built, as buildx does.
    env: { ...process.env, BUILDX_NO_DEFAULT_ATTESTATIONS: "1" },
  });
  const { Id: id } = await engineApi("GET", `/images/${imageName}/json`);
  return { id, state: { imageName, repoDigest: id } };
}

/** Removes a container, in the time that it was declared with, a network or a volume; images stay. */
export async function removeDockerResource(type: string, id: string, inputs: Record<string, any>): Promise<void> {
  if (type.endsWith(":Container")) {
    await engineApi("POST", `/containers/${id}/stop?t=${inputs.destroyGraceSeconds ?? 0}`).catch(() => {});
    await engineApi("DELETE", `/containers/${id}?force=true&v=true`).catch(() => {});
  } else if (type.endsWith(":Network")) await engineApi("DELETE", `/networks/${id}`);
  else if (type.endsWith(":Volume")) await engineApi("DELETE", `/volumes/${id}?force=true`);
}

/** What the engine says of an object; undefined where there is none. */
export async function inspectDockerResource(type: string, id: string): Promise<any> {
  const [, kind] = /:(RemoteImage|Image|Container|Network|Volume)$/.exec(type) ?? [];
  const path = { RemoteImage: "images", Image: "images", Container: "containers", Network: "networks", Volume: "volumes" }[kind ?? ""];
  const suffix = kind === "Network" || kind === "Volume" ? "" : "/json";
  return engineApi("GET", `/${path}/${id}${suffix}`).catch((error: Error) => {
    if (error.message.includes(": 404 ")) return undefined;
    throw error;
  });
}
