import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import { engineApi, tarArchive } from "./engine-api.ts";
import { reveal, runProgram, type Create, type Registration } from "./program.ts";
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
    const create: Create = (registration) => {
      const work = this.apply(registration, (create as any).hooks, seen, operations);
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
      await Promise.all(this.leftovers.splice(0).map((made) => this.remove(made, operations)));
      return { outputs, operations };
    } catch (error) {
      throw new Error([(error as Error).message, ...printed].join("\n"));
    } finally {
      log.mockRestore();
      await Promise.allSettled(running);
    }
  }

  /** Removes what this stack made, as a destroy that leaves protected resources out does, and forgets its secrets. */
  async destroy(): Promise<void> {
    const all = [...this.leftovers, ...[...this.made.values()].reverse()];
    this.leftovers = [];
    this.made.clear();
    for (const kind of ["container:Container", "network:Network", "volume:Volume"]) {
      const ofKind = all.filter(({ registration: { type, protect, retainOnDelete } }) => type.endsWith(kind) && !protect && !retainOnDelete);
      await Promise.all(ofKind.map((made) => this.remove(made, [])));
    }
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
    const inputs = reveal(registration.inputs);
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
  await execute("docker", ["build", "--quiet", "--tag", imageName, "--file", options.dockerfile, ...target, ...args, options.context], {
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
      return { id, state: { ...inputs, ipamConfigs: IPAM.Config.map(({ Subnet }: any) => ({ subnet: Subnet })) } };
    }
    case "docker:index/volume:Volume":
      await engineApi("POST", "/volumes/create", { Name: inputs.name, Labels: labels });
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

/** Does with openssl what the tls provider does. */
function openssl(type: string, inputs: Record<string, any>): Record<string, unknown> {
  const folder = mkdtempSync(join(tmpdir(), "container-stack-tls-"));
  const file = (name: string, content?: string) => {
    if (content !== undefined) writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const run = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  try {
    if (type.endsWith(":PrivateKey")) return { privateKeyPem: pulumi.secret(run("ecparam", "-name", "prime256v1", "-genkey", "-noout")) };
    const subject = `/CN=${inputs.subject?.commonName ?? ""}`;
    if (type.endsWith(":SelfSignedCert")) {
      const days = String(inputs.validityPeriodHours / 24);
      return {
        certPem: run(
          "req",
          "-x509",
          "-new",
          "-key",
          file("key", inputs.privateKeyPem),
          "-subj",
          subject,
          "-days",
          days,
          "-addext",
          "keyUsage=keyCertSign,cRLSign",
        ),
      };
    }
    const names = (inputs.dnsNames ?? []).map((name: string) => `DNS:${name}`).join(",");
    if (type.endsWith(":CertRequest")) {
      return {
        certRequestPem: run("req", "-new", "-key", file("key", inputs.privateKeyPem), "-subj", subject, "-addext", `subjectAltName=${names}`),
      };
    }
    const days = inputs.validityPeriodHours / 24;
    const requestPath = file("request", inputs.certRequestPem);
    const wanted = /DNS:[^\n]+/.exec(run("req", "-in", requestPath, "-noout", "-text"))?.[0] ?? "";
    const extensions = file("extensions", `subjectAltName=${wanted}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n`);
    const authority = ["-CA", file("ca", inputs.caCertPem), "-CAkey", file("ca-key", inputs.caPrivateKeyPem), "-CAcreateserial"];
    run("x509", "-req", "-in", requestPath, ...authority, "-days", String(days), "-extfile", extensions, "-out", file("leaf"));
    return { certPem: readFileSync(file("leaf"), "utf8"), validityEndTime: new Date(Date.now() + days * 86_400_000).toISOString() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const megabyte = 1024 * 1024;
const nanoseconds = (duration: string) => {
  const [, hours = "0", minutes = "0", seconds = "0"] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1e9;
};

/** Makes and starts a container as the provider does: uploads before the start, then waits for its end or its health. */
async function runContainer(inputs: Record<string, any>): Promise<{ id: string; state: Record<string, any> }> {
  const networks: any[] = inputs.networksAdvanced ?? [];
  const ports = inputs.ports ?? [];
  const { Id: id } = await engineApi("POST", `/containers/create?name=${inputs.name}`, {
    Image: inputs.image,
    User: inputs.user,
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
      Retries: inputs.healthcheck.retries,
    },
    ExposedPorts: Object.fromEntries(ports.map(({ internal }: any) => [`${internal}/tcp`, {}])),
    HostConfig: {
      ReadonlyRootfs: inputs.readOnly,
      Tmpfs: inputs.tmpfs,
      CapAdd: inputs.capabilities?.adds,
      CapDrop: inputs.capabilities?.drops,
      SecurityOpt: inputs.securityOpts,
      Init: inputs.init,
      RestartPolicy: { Name: inputs.restart },
      NanoCpus: inputs.cpus === undefined ? undefined : Number(inputs.cpus) * 1e9,
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
  for (const { name, aliases } of networks.slice(1))
    await engineApi("POST", `/networks/${name}/connect`, { Container: id, EndpointConfig: { Aliases: aliases } });
  if (inputs.uploads !== undefined) await engineApi("PUT", `/containers/${id}/archive?path=/`, tarArchive(inputs.uploads), "application/x-tar");
  await engineApi("POST", `/containers/${id}/start`);
  const state = { ...inputs, id };
  if (inputs.attach) {
    const { StatusCode: exitCode } = await engineApi("POST", `/containers/${id}/wait`);
    return { id, state: { ...state, exitCode } };
  }
  const end = Date.now() + inputs.waitTimeout * 1000;
  for (;;) {
    const { State } = await engineApi("GET", `/containers/${id}/json`);
    if (State.Health?.Status === "healthy") return { id, state };
    if (Date.now() > end) throw new Error(`${inputs.name} isn't healthy after ${inputs.waitTimeout} s`);
    await sleep(200);
  }
}
