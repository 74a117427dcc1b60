import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

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
  readonly dependencies: string[];
  readonly afterCreate: string[];
  readonly onError: string[];
}

/** Answers a registration with the resource's id and outputs. */
export type Create = (registration: Registration) => Promise<{ id: string; state: Record<string, any> }>;

export interface ProgramArgs {
  readonly stack: string;
  /** `django-stack:` keys as Pulumi hands them over: text, objects as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys set with --secret. */
  readonly secretKeys?: readonly string[];
  readonly create?: Create;
  /** Builds the resources; the whole program when absent. */
  readonly build?: () => unknown;
  /** Runs the checks of the Docker host, which unit tests leave out. @default false */
  readonly checkHost?: boolean;
}

export interface ProgramRun {
  readonly registrations: Registration[];
  /** The program's exports, resolved, secrets revealed. */
  readonly outputs: Record<string, any>;
  /** The hooks that the program registered, by name. */
  readonly hooks: Map<string, (args: any) => unknown>;
}

const secretSignature = "4dabf18193072939515e22adb298388d";
const runtimeResource = createRequire(import.meta.url)("@pulumi/pulumi/runtime/resource");

/** Runs the program under Pulumi's mocks and returns what it registered; a failing `create` ends the run with its error. */
export async function runProgram(args: ProgramArgs): Promise<ProgramRun> {
  const registrations: Registration[] = [];
  const requests = new Map<string, any>();
  const hooks = new Map<string, (args: any) => unknown>();
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => {});
  let halted = false;
  const create = args.create ?? echo;

  pulumi.runtime.setAllConfig(
    Object.fromEntries(
      Object.entries(args.config).map(([key, value]) => [
        key.includes(":") ? key : `django-stack:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    [...(args.secretKeys ?? [])],
  );
  await pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, inputs, custom }) => {
        const request = requests.get(`${type}::${name}`);
        const registration = {
          type,
          name,
          parent: request.getParent(),
          inputs,
          protect: request.getProtect() ?? false,
          retainOnDelete: request.getRetainondelete() ?? false,
          deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
          ignoreChanges: request.getIgnorechangesList(),
          dependencies: request.getDependenciesList(),
          afterCreate: request.getHooks()?.getAfterCreateList() ?? [],
          onError: request.getHooks()?.getOnErrorList() ?? [],
        };
        registrations.push(registration);
        if (custom === false) return { id: "", state: inputs };
        if (halted) return new Promise<never>(() => {});
        try {
          return await create(registration);
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
    "django-stack",
    args.stack,
    false,
  );
  const monitor = pulumi.runtime.getMonitor() as any;
  const registerResource = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, callback: any) => {
    requests.set(`${request.getType()}::${request.getName()}`, request);
    return registerResource(request, callback);
  };
  const keepHook = (hook: { name: string; callback: (args: any) => unknown }) => {
    if (hooks.has(hook.name)) fail(new Error(`two hooks are called ${hook.name}`));
    hooks.set(hook.name, hook.callback);
    return Promise.resolve();
  };
  vi.spyOn(runtimeResource, "registerResourceHook").mockImplementation(keepHook as any);
  vi.spyOn(runtimeResource, "registerErrorHook").mockImplementation(keepHook as any);

  (create as any).hooks = hooks;
  const outputs: Record<string, any> = {};
  const finish = async () => {
    const exported = args.build === undefined ? await importProgram(args.checkHost ?? false) : await args.build();
    for (const [key, value] of Object.entries(exported ?? {})) {
      if (args.build === undefined) outputs[key] = await resolved(value);
    }
    await pulumi.runtime.disconnect();
  };
  await Promise.race([finish(), failed]);
  return { registrations, outputs, hooks };
}

async function importProgram(checkHost: boolean): Promise<Record<string, unknown>> {
  vi.resetModules();
  if (checkHost) vi.doUnmock("../../preflight.ts");
  else vi.doMock("../../preflight.ts", () => ({ preflight: async () => {} }));
  return (await import("../../index.ts")) as Record<string, unknown>;
}

function resolved(value: unknown): Promise<unknown> {
  return new Promise((resolve) => void (pulumi.output(value) as pulumi.Output<unknown>).apply(resolve));
}

/** Returns a value with every secret in it unwrapped. */
export function reveal(value: any): any {
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null) return value;
  if (secretSignature in value) return reveal(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, reveal(entry)]));
}

/** Returns the text of a value with every secret left out. */
export function publicText(value: any): string {
  return JSON.stringify(value, (_, entry) => (typeof entry === "object" && entry !== null && secretSignature in entry ? "[secret]" : entry));
}

/** Answers with the inputs and the few outputs that the program reads, all of a fixed text. */
export const echo: Create = async ({ type, name, inputs }) => {
  const known: Record<string, Record<string, unknown>> = {
    "docker:index/remoteImage:RemoteImage": { imageId: `sha256:${name}` },
    "docker:index/image:Image": { repoDigest: `sha256:${"a1b2c3d4e5f6".repeat(5)}a1b2` },
    "docker:index/network:Network": { ipamConfigs: [{ subnet: "172.30.0.0/16", gateway: "172.30.0.1" }] },
    "random:index/randomPassword:RandomPassword": { result: pulumi.secret(`secret${name.replaceAll("-", "")}`) },
    "tls:index/privateKey:PrivateKey": { privateKeyPem: pulumi.secret(`key of ${name}\n`) },
    "tls:index/selfSignedCert:SelfSignedCert": { certPem: "authority\n" },
    "tls:index/certRequest:CertRequest": { certRequestPem: "request\n" },
    "tls:index/locallySignedCert:LocallySignedCert": { certPem: "leaf\n", validityEndTime: "2027-11-21T10:11:12Z" },
  };
  return { id: `${name}-id`, state: { name, ...inputs, ...known[type] } };
};
