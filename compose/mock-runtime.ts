import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";

/** What the program asked Pulumi to register. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  /** Inputs as sent; secret values are wrapped. */
  readonly inputs: Record<string, any>;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  /** Undefined when the program leaves it to the provider. */
  readonly deleteBeforeReplace: boolean | undefined;
  readonly ignoreChanges: string[];
  /** How long the provider may take to make and to remove it, such as `900s`; empty when the program leaves it to the provider. */
  readonly timeouts: { readonly create: string; readonly delete: string };
  /** URNs of the resources that it needs, those that its inputs come from included. */
  readonly dependencies: string[];
  /** Names of its hooks. */
  readonly afterCreate: string[];
  readonly onError: string[];
}

/** A hook by its name; what it does when Pulumi calls it. */
export type Hooks = Map<string, (args: any) => unknown>;

export interface MockRunArgs {
  readonly project: string;
  readonly stack: string;
  /** Config by whole key, as Pulumi hands it over: text, objects as JSON. */
  readonly config: Readonly<Record<string, string>>;
  /** Whole keys whose values are secret. */
  readonly secretKeys: readonly string[];
  /** Answers a resource's registration with its id and outputs; components aren't asked about. */
  readonly create: (registration: Registration, hooks: Hooks) => Promise<{ id: string; state: Record<string, any> }>;
  /** Runs the program and returns its exports. */
  readonly run: () => Promise<Readonly<Record<string, unknown>>>;
}

export interface MockRun {
  readonly registrations: Registration[];
  /** The program's exports, resolved, secrets revealed. */
  readonly outputs: Record<string, any>;
  readonly hooks: Hooks;
}

/**
 * Runs a program on Pulumi's mock runtime, without its engine and providers, and returns what it registered.
 *
 * @throws whatever `create` or the program throws first.
 */
export async function runOnMocks(args: MockRunArgs): Promise<MockRun> {
  const registrations: Registration[] = [];
  const requests = new Map<string, any>();
  const hooks: Hooks = new Map();
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => {});
  let halted = false;

  pulumi.runtime.setAllConfig(args.config, [...args.secretKeys]);
  await pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, inputs, custom }) => {
        const registration = registrationOf(requests.get(`${type}::${name}`), inputs);
        registrations.push(registration);
        if (custom === false) return { id: "", state: inputs };
        if (halted) return new Promise<never>(() => {});
        try {
          return await args.create(registration, hooks);
        } catch (error) {
          halted = true;
          fail(error);
          return new Promise<never>(() => {});
        }
      },
      call: ({ token }) => {
        throw new Error(`the program called ${token}`);
      },
    },
    args.project,
    args.stack,
    false,
  );
  const monitor = pulumi.runtime.getMonitor() as any;
  const registerResource = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, callback: any) => {
    requests.set(`${request.getType()}::${request.getName()}`, request);
    return registerResource(request, callback);
  };
  // The mocks have no answer for hooks: without these two the program ends at its first one.
  runtimeResource.registerResourceHook = runtimeResource.registerErrorHook = (hook: { name: string; callback: (args: any) => unknown }) => {
    if (hooks.has(hook.name)) fail(new Error(`two hooks are called ${hook.name}`));
    hooks.set(hook.name, hook.callback);
    return Promise.resolve();
  };

  const outputs: Record<string, any> = {};
  const finish = async () => {
    for (const [key, value] of Object.entries(await args.run())) outputs[key] = await resolved(value);
    await pulumi.runtime.disconnect();
  };
  await Promise.race([finish(), failed]);
  return { registrations, outputs, hooks };
}

const runtimeResource = createRequire(import.meta.url)("@pulumi/pulumi/runtime/resource");

/** Returns what a request of Pulumi's protocol registers. */
export function registrationOf(request: any, inputs: Record<string, any>): Registration {
  return {
    type: request.getType(),
    name: request.getName(),
    parent: request.getParent(),
    inputs,
    protect: request.getProtect() ?? false,
    retainOnDelete: request.getRetainondelete() ?? false,
    deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    timeouts: { create: request.getCustomtimeouts()?.getCreate() ?? "", delete: request.getCustomtimeouts()?.getDelete() ?? "" },
    dependencies: request.getDependenciesList(),
    afterCreate: request.getHooks()?.getAfterCreateList() ?? [],
    onError: request.getHooks()?.getOnErrorList() ?? [],
  };
}

function resolved(value: unknown): Promise<unknown> {
  return new Promise((resolve) => void (pulumi.output(value) as pulumi.Output<unknown>).apply(resolve));
}

/** The key by which Pulumi marks a wrapped secret. */
const secretSignature = "4dabf18193072939515e22adb298388d";

/** Returns a value as Pulumi's protocol marks a secret. */
export function wrapSecret(value: unknown): Record<string, unknown> {
  return { [secretSignature]: "1b47061264138c4ac30d75fd1eb44270", value };
}

/** Whether a value is a wrapped secret. */
export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && secretSignature in value;
}

/** Returns a value with every secret in it unwrapped. */
export function reveal(value: any): any {
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null) return value;
  if (isSecret(value)) return reveal(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, reveal(entry)]));
}
