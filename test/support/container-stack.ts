import { randomBytes } from "node:crypto";
import { wrapSecret, type Hooks } from "../../compose/mock-runtime.ts";
import { findOrphans, removeOrphans } from "../../scripts/interrupted.mjs";
import { createDockerResource, inspectDockerResource, removeDockerResource } from "./docker-resources.ts";
import { openssl } from "./openssl.ts";
import { runProgramProcess } from "./program-process.ts";
import { reveal, type Create, type Registration } from "./program.ts";
import { runContainer } from "./run-container.ts";
import { sweepDocker, sweepObjects, type KillableStack, type Operation } from "./stack-driver.ts";

/** One `up` under way. */
interface Run {
  readonly hooks: Hooks;
  /** Keys of what the program declares. */
  readonly seen: Set<string>;
  /** Is told of each operation before it is done. */
  readonly begin: (operation: Operation) => void;
  /** Ends it where it is. */
  readonly signal: AbortSignal;
}

interface Made {
  readonly registration: Registration;
  readonly inputs: Record<string, any>;
  readonly id: string;
  readonly state: Record<string, any>;
}

/**
 * Makes what the program declares on a real Docker daemon, without Pulumi's engine and providers.
 *
 * It proves what the declared inputs, jobs, scripts and hooks do in real containers; the program runs under Pulumi's own runner
 * and speaks Pulumi's own protocol. It proves nothing of Pulumi's engine: creating before deleting, deleting first where asked,
 * running hooks and ending at the first error are its own, plain version of that, and it knows no state file, preview or refresh.
 */
export class ContainerStack implements KillableStack {
  readonly stack: string;
  config: Record<string, unknown>;
  /** Changes the inputs of containers before they are made: for what no config can ask for. */
  adjust: (inputs: Record<string, any>) => Record<string, any> = (inputs) => inputs;
  /** What the last `up` warned of. */
  warnings: string[] = [];
  private made = new Map<string, Made>();
  private leftovers: Made[] = [];
  private readonly environment: Readonly<Record<string, string>>;

  /** @param environment variables of the program's process, beside this one's. */
  constructor(stack: string, config: Record<string, unknown>, environment: Readonly<Record<string, string>> = {}) {
    this.stack = stack;
    this.config = config;
    this.environment = environment;
  }

  /** Runs the program, then removes what it replaced or no longer declares; returns its outputs and the operations. */
  async up(): Promise<{ outputs: Record<string, any>; operations: Operation[] }> {
    const operations: Operation[] = [];
    const { outputs } = await this.run((operation) => void operations.push(operation), new AbortController().signal);
    return { outputs, operations };
  }

  /** As a kill of Pulumi and its plugins does: the engine finishes what it was asked for, and nobody records it. */
  async upKilled(operation: number, seconds: number): Promise<Operation[]> {
    const killed = new AbortController();
    const operations: Operation[] = [];
    const begin = (next: Operation) => {
      if (operations.push(next) === operation) setTimeout(() => killed.abort(), seconds * 1000);
    };
    await this.run(begin, killed.signal).catch((error) => {
      if (!killed.signal.aborted) throw error;
    });
    return operations;
  }

  async upAgain(): Promise<void> {
    const { name } = this.config;
    const nginx = await inspectDockerResource("docker:index/container:Container", `${name}-${this.stack}-nginx`);
    const resources = this.all.map(({ registration: { type }, id }) => ({ type, id }));
    const owner = { name, stack: this.stack, checkout: nginx.Config.Labels["django-stack.checkout"] };
    const engine = { command: "docker", arguments: [] };
    removeOrphans(engine, findOrphans(engine, { ...owner, state: { deployment: { resources } } }));
    await this.up();
  }

  async recorded(): Promise<readonly string[]> {
    return this.all.map(({ id }) => id);
  }

  private get all(): readonly Made[] {
    return [...this.made.values(), ...this.leftovers];
  }

  private async run(begin: Run["begin"], signal: AbortSignal): Promise<{ outputs: Record<string, any> }> {
    const before = new Map(this.made);
    const seen = new Set<string>();
    const running = new Set<Promise<unknown>>();
    const create: Create = (registration, hooks) => {
      const work = this.apply(registration, { hooks, seen, begin, signal });
      running.add(work);
      work.catch(() => {}).finally(() => running.delete(work));
      return work;
    };
    try {
      const { stack, config, environment } = this;
      const { outputs, failure, messages, exitCode, printed } = await runProgramProcess({ stack, config, environment, create, signal });
      signal.throwIfAborted();
      const told = (severity: string) => messages.filter((message) => message.severity === severity).map(({ text }) => text);
      this.warnings = told("warning");
      if (failure !== undefined || exitCode !== 0) throw new Error([failure?.message ?? [], ...told("error"), printed].flat().join("\n"));
      for (const [key, made] of [...before].reverse()) {
        if (!seen.has(key)) {
          this.made.delete(key);
          this.leftovers.push(made);
        }
      }
      await this.removeAll(this.leftovers, begin, signal);
      this.leftovers = [];
      return { outputs };
    } finally {
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

  private async apply(registration: Registration, run: Run): Promise<Made> {
    const { begin, seen, signal } = run;
    signal.throwIfAborted();
    const key = `${registration.type} ${registration.name}`;
    seen.add(key);
    const declared = reveal(registration.inputs);
    const inputs = registration.type.endsWith(":Container") ? this.adjust(declared) : declared;
    const old = this.made.get(key);
    // A job or service that a gate removed is made again, as after a refresh.
    const gone =
      old !== undefined && registration.type.endsWith(":Container") && (await inspectDockerResource(registration.type, old.id)) === undefined;
    if (old !== undefined && !gone) {
      if (registration.type.endsWith(":Image")) {
        const image = await createDockerResource(registration.type, inputs);
        signal.throwIfAborted();
        if (image.id === old.id) return old;
        begin(`update ${key}`);
        return this.record({ registration, inputs, ...image }, run);
      }
      if (JSON.stringify(without(inputs, registration.ignoreChanges)) === JSON.stringify(without(old.inputs, registration.ignoreChanges))) return old;
      if (registration.deleteBeforeReplace ?? true) {
        for (const [usersKey, user] of this.usersOf(old)) {
          await this.remove(user, begin);
          this.made.delete(usersKey);
        }
        await this.remove(old, begin);
        this.made.delete(key);
        signal.throwIfAborted();
      }
    }
    begin(`create ${key}`);
    if (registration.type.endsWith(":Container")) return this.createContainer(registration, inputs, run);
    const other = await createOther(registration, inputs);
    signal.throwIfAborted();
    return this.record({ registration, inputs, ...other }, run);
  }

  /** The containers on a network: they go before it does. */
  private usersOf({ inputs, registration }: Made): [string, Made][] {
    if (!registration.type.endsWith(":Network")) return [];
    return [...this.made].filter(([, user]) => user.inputs.networksAdvanced?.some(({ name }: { name: string }) => name === inputs.name));
  }

  private async createContainer(registration: Registration, given: Record<string, any>, run: Run): Promise<Made> {
    const inputs = { ...given, name: given.name ?? `${registration.name}-${randomBytes(4).toString("hex").slice(0, 7)}` };
    const container = await runContainer(inputs, run.signal).catch(async (error) => {
      run.signal.throwIfAborted();
      for (const hook of registration.onError) await run.hooks.get(hook)?.({ newInputs: inputs, failedOperation: "create", errors: [String(error)] });
      throw error;
    });
    return this.record({ registration, inputs: given, ...container }, run);
  }

  /** Calls a resource's hooks, then takes it down as made; what it replaces is removed at the end. */
  private async record(made: Made, { hooks, signal }: Run): Promise<Made> {
    const { registration, inputs, id, state } = made;
    for (const hook of registration.afterCreate) await hooks.get(hook)?.({ id, newInputs: inputs, newOutputs: state });
    signal.throwIfAborted();
    const key = `${registration.type} ${registration.name}`;
    const old = this.made.get(key);
    if (old !== undefined && old.id !== id && !registration.type.endsWith(":Image")) this.leftovers.push(old);
    this.made.set(key, made);
    return made;
  }

  /** Removes what isn't to be retained, users before what they use. */
  private async removeAll(all: readonly Made[], begin: Run["begin"] = () => {}, signal?: AbortSignal): Promise<void> {
    for (const kind of [":Container", ":Network", ":Volume", ""]) {
      signal?.throwIfAborted();
      const known = (type: string) => [":Container", ":Network", ":Volume"].some((other) => type.endsWith(other));
      const ofKind = all.filter(({ registration: { type } }) => (kind === "" ? !known(type) : type.endsWith(kind)));
      await Promise.all(ofKind.filter(({ registration }) => !registration.retainOnDelete).map((made) => this.remove(made, begin)));
    }
  }

  private async remove({ registration: { type, name }, inputs, id }: Made, begin: Run["begin"]): Promise<void> {
    begin(`delete ${type} ${name}`);
    await removeDockerResource(type, id, inputs);
  }
}

function without(inputs: Record<string, any>, keys: readonly string[]): Record<string, any> {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !keys.includes(key)));
}

async function createOther({ type, name }: Registration, inputs: Record<string, any>): Promise<{ id: string; state: Record<string, any> }> {
  if (type === "random:index/randomPassword:RandomPassword") {
    const result = randomBytes(inputs.length).toString("hex").slice(0, inputs.length);
    return { id: "none", state: { ...inputs, result: wrapSecret(result) } };
  }
  return type.startsWith("tls:") ? { id: name, state: { ...inputs, ...openssl(type, inputs) } } : createDockerResource(type, inputs);
}
