import { vi } from "vitest";
import { bundlePath, unpackFiles } from "../../components/file-bundle.ts";
import type { Engine } from "../../components/profiles.ts";
import { isSecret, reveal, runOnMocks, wrapSecret, type MockRun, type MockRunArgs } from "../../compose/mock-runtime.ts";

export { reveal, type Registration } from "../../compose/mock-runtime.ts";

/** Answers a registration with the resource's id and outputs. */
export type Create = MockRunArgs["create"];

export interface ProgramArgs {
  readonly stack: string;
  /** `django-stack:` keys as Pulumi hands them over: text, objects as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys set with --secret. */
  readonly secretKeys?: readonly string[];
  readonly create?: Create;
  /** What the Docker engine can. @default - nothing that an old one can't */
  readonly engine?: Engine;
  /** Builds the resources; the whole program when absent. */
  readonly build?: () => unknown;
}

/** Returns config as Pulumi hands it over: by whole key, objects as JSON. */
export function configOf(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.includes(":") ? key : `django-stack:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** Runs the program under Pulumi's mocks and returns what it registered; a failing `create` ends the run with its error. */
export async function runProgram(args: ProgramArgs): Promise<MockRun> {
  return runOnMocks({
    project: "django-stack",
    stack: args.stack,
    config: configOf(args.config),
    secretKeys: args.secretKeys ?? [],
    create: args.create ?? echo,
    run: async () => {
      if (args.build === undefined) return importProgram(args.engine ?? { startInterval: "none" });
      await args.build();
      return {};
    },
  });
}

/** Imports it without its checks of the Docker host. */
async function importProgram(engine: Engine): Promise<Record<string, unknown>> {
  vi.resetModules();
  vi.doMock("../../preflight.ts", () => ({ preflight: async () => engine }));
  const { prepareStackTrace } = Error;
  try {
    return (await import("../../index.ts")).default;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

/** Returns the text of a value with every secret left out. */
export function publicText(value: any): string {
  return JSON.stringify(value, (_, entry) => (isSecret(entry) ? "[secret]" : entry));
}

/** Answers with the inputs and the few outputs that the program reads, all of a fixed text. */
export const echo: Create = async ({ type, name, inputs }) => {
  const known: Record<string, Record<string, unknown>> = {
    "docker:index/remoteImage:RemoteImage": { imageId: `sha256:${name}` },
    "docker:index/image:Image": { repoDigest: `sha256:${"a1b2c3d4e5f6".repeat(5)}a1b2` },
    "docker:index/network:Network": { ipamConfigs: [{ subnet: "172.30.0.0/16", gateway: "172.30.0.1" }] },
    "random:index/randomPassword:RandomPassword": { result: wrapSecret(`secret${name.replaceAll("-", "")}`) },
    "tls:index/privateKey:PrivateKey": { privateKeyPem: wrapSecret(`key of ${name}\n`) },
    "tls:index/selfSignedCert:SelfSignedCert": { certPem: "authority\n" },
    "tls:index/certRequest:CertRequest": { certRequestPem: "request\n" },
    "tls:index/locallySignedCert:LocallySignedCert": { certPem: "leaf\n", validityEndTime: "2027-11-21T10:11:12Z" },
  };
  return { id: `${name}-id`, state: { name, ...inputs, ...known[type] } };
};

/** Returns the files that a job puts into its volume, contents by path, secret ones too. */
export function bundledFiles(inputs: any): Record<string, string> {
  const bundle = reveal(inputs.uploads).find(({ file }: { file: string }) => file === bundlePath);
  return unpackFiles(bundle.content);
}
