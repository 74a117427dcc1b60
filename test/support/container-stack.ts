import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import { engineApi } from "./engine-api.ts";
import { openssl } from "./openssl.ts";
import { reveal, runProgram, type Create, type Registration } from "./program.ts";
import { runContainer } from "./run-container.ts";
import { sweepDocker, sweepObjects, type Operation, type StackDriver } from "./stack-driver.ts";

const execute = promisify(execFile);

interface Made {
  readonly registration: Registration;
  readonly inputs: Record<string, any>;
  readonly id: string;
  readonly state: Record<string, any>;
}

/**
 * Makes what the program declares on a real Docker daemon, without Pulumi's engine and providers.
 *
 * It proves what the declared inputs, jobs, scripts and hooks do in real containers. It proves nothing of Pulumi: creating
 * before deleting, deleting first where asked, running hooks and ending at the first error are its own, plain version of
 * what the engine does, and it knows no state file, preview or refresh.
 */
export class ContainerStack implements StackDriver {
  readonly stack: string;
  config: Record<string, unknown>;
  /** Changes the inputs of containers before they are made: for what no config can ask for. */
  adjust: (inputs: Record<string, any>) => Record<string, any> = (inputs) => inputs;
  private made = new Map<string, Made>();
  private leftovers: Made[] = [];

  constructor(stack: string, config: Record<string, unknown>) {
    this.stack = stack;
    this.config = config;
  }

  /** Runs the program, then removes what it replaced or no longer declares; returns its outputs and the operations. */
  async up(): Promise<{ outputs: Record<string, any>; operations: Operation[] }> {
    const operations: Operation[] = [];
    const before = new Map(this.made);
    const seen = new Set<string>();
    const running = new Set<Promise<unknown>>();
    const create: Create = (registration, hooks) => {
      const work = this.apply(registration, hooks, seen, operations);
      running.add(work);
      work.catch(() => {}).finally(() => running.delete(work));
      return work;
    };
    const printed: string[] = [];
    const log = vi.spyOn(pulumi.log, "error").mockImplementation(async (message) => void printed.push(message));
    try {
      const { outputs } = await runProgram({ stack: this.stack, config: this.config, create, checkHost: true });
      for (const [key, made] of [...before].reverse()) {
        if (!seen.has(key)) {
          this.made.delete(key);
          this.leftovers.push(made);
        }
      }
      await this.removeAll(this.leftovers.splice(0), operations);
      return { outputs, operations };
    } catch (error) {
      throw new Error([(error as Error).message, ...printed].join("\n"));
    } finally {
      log.mockRestore();
      await Promise.allSettled(running);
    }
  }

  /** Removes what this stack made, and forgets its secrets, as a destroy that leaves protected resources out does. */
  async destroy(): Promise<void> {
    const all = [...this.leftovers, ...[...this.made.values()].reverse()];
    this.leftovers = [];
    this.made = new Map([...this.made].filter(([, { registration }]) => registration.protect));
    await this.removeAll(all.filter(({ registration }) => !registration.protect));
  }

  async sweep(): Promise<void> {
    await sweepDocker(`${this.config.name}-${this.stack}-`);
  }

  /** Removes everything of this name but the images. */
  async sweepObjects(): Promise<void> {
    await sweepObjects(`${this.config.name}-${this.stack}-`);
  }

  dispose(): void {
    // It made nothing but the stack.
  }

  private async apply(registration: Registration, hooks: Map<string, (args: any) => unknown>, seen: Set<string>, operations: Operation[]) {
    const key = `${registration.type} ${registration.name}`;
    seen.add(key);
    const declared = reveal(registration.inputs);
    const inputs = registration.type.endsWith(":Container") ? this.adjust(declared) : declared;
    const old = this.made.get(key);
    // A job or service that a gate removed is made again, as after a refresh.
    const gone = old !== undefined && registration.type.endsWith(":Container") && !(await exists(old.id));
    if (old !== undefined && !gone) {
      if (registration.type.endsWith(":Image")) {
        const image = await build(inputs);
        if (image.id === old.id) return old;
        operations.push(`update ${key}`);
        return this.keep(key, registration, inputs, image, hooks);
      }
      if (JSON.stringify(without(inputs, registration.ignoreChanges)) === JSON.stringify(without(old.inputs, registration.ignoreChanges))) return old;
      this.made.delete(key);
      if (registration.deleteBeforeReplace ?? true) await this.remove(old, operations);
      else this.leftovers.push(old);
    }
    operations.push(`create ${key}`);
    if (registration.type.endsWith(":Container")) return this.createContainer(key, registration, inputs, hooks);
    return this.keep(key, registration, inputs, await createOther(registration, inputs), hooks);
  }

  private async createContainer(key: string, registration: Registration, given: Record<string, any>, hooks: Map<string, (args: any) => unknown>) {
    const inputs = { ...given, name: given.name ?? `${registration.name}-${randomBytes(4).toString("hex").slice(0, 7)}` };
    try {
      const container = await runContainer(inputs);
      return await this.keep(key, registration, given, container, hooks);
    } catch (error) {
      for (const hook of registration.onError) await hooks.get(hook)?.({ newInputs: inputs, failedOperation: "create", errors: [String(error)] });
      throw error;
    }
  }

  private async keep(
    key: string,
    registration: Registration,
    inputs: Record<string, any>,
    { id, state }: { id: string; state: Record<string, any> },
    hooks: Map<string, (args: any) => unknown>,
  ) {
    const made = { registration, inputs, id, state };
    this.made.set(key, made);
    for (const hook of registration.afterCreate) await hooks.get(hook)?.({ id, newInputs: inputs, newOutputs: state });
    return made;
  }

  /** Removes what isn't to be retained, users before what they use. */
  private async removeAll(all: readonly Made[], operations: Operation[] = []): Promise<void> {
    for (const kind of [":Container", ":Network", ":Volume", ""]) {
      const known = (type: string) => [":Container", ":Network", ":Volume"].some((other) => type.endsWith(other));
      const ofKind = all.filter(({ registration: { type } }) => (kind === "" ? !known(type) : type.endsWith(kind)));
      await Promise.all(ofKind.filter(({ registration }) => !registration.retainOnDelete).map((made) => this.remove(made, operations)));
    }
  }

  private async remove({ registration, inputs, id, state }: Made, operations: Operation[]): Promise<void> {
    const { type, name } = registration;
    operations.push(`delete ${type} ${name}`);
    if (type.endsWith(":Container")) {
      await engineApi("POST", `/containers/${id}/stop?t=${inputs.destroyGraceSeconds ?? 0}`).catch(() => {});
      await engineApi("DELETE", `/containers/${id}?force=true&v=true`).catch(() => {});
    } else if (type.endsWith(":Network")) await engineApi("DELETE", `/networks/${id}`);
    else if (type.endsWith(":Volume")) await engineApi("DELETE", `/volumes/${state.name}?force=true`);
  }
}

function without(inputs: Record<string, any>, keys: readonly string[]): Record<string, any> {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !keys.includes(key)));
}

async function exists(id: string): Promise<boolean> {
  return engineApi("GET", `/containers/${id}/json`).then(
    () => true,
    () => false,
  );
}

async function build({ imageName, build: options }: Record<string, any>) {
  const args = Object.entries(options.args ?? {}).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  const target = options.target === undefined ? [] : ["--target", options.target];
  await execute("docker", ["build", "--quiet", "--force-rm", "--tag", imageName, "--file", options.dockerfile, ...target, ...args, options.context], {
    maxBuffer: 1e8,
  });
  const { Id: id } = await engineApi("GET", `/images/${imageName}/json`);
  return { id: id as string, state: { imageName, repoDigest: id } };
}

async function createOther({ type, name }: Registration, inputs: Record<string, any>): Promise<{ id: string; state: Record<string, any> }> {
  const labels = Object.fromEntries((inputs.labels ?? []).map(({ label, value }: any) => [label, value]));
  switch (type) {
    case "docker:index/image:Image":
      return build(inputs);
    case "docker:index/remoteImage:RemoteImage": {
      const { Id: imageId } = await engineApi("GET", `/images/${inputs.name}/json`);
      return { id: imageId, state: { ...inputs, imageId } };
    }
    case "docker:index/network:Network": {
      const { Id: id } = await engineApi("POST", "/networks/create", { Name: inputs.name, Internal: inputs.internal, Labels: labels });
      const { IPAM } = await engineApi("GET", `/networks/${id}`);
      return { id, state: { ...inputs, ipamConfigs: IPAM.Config.map(({ Subnet, Gateway }: any) => ({ subnet: Subnet, gateway: Gateway })) } };
    }
    case "docker:index/volume:Volume":
      await engineApi("POST", "/volumes/create", { Name: inputs.name, Labels: labels, DriverOpts: inputs.driverOpts });
      return { id: inputs.name, state: inputs };
    case "random:index/randomPassword:RandomPassword": {
      const result = randomBytes(inputs.length).toString("hex").slice(0, inputs.length);
      return { id: "none", state: { ...inputs, result: pulumi.secret(result) } };
    }
    default:
      if (type.startsWith("tls:")) return { id: name, state: { ...inputs, ...openssl(type, inputs) } };
      throw new Error(`${type} isn't known to the container stack`);
  }
}
