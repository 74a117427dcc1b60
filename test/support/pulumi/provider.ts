import { createRequire } from "node:module";
import { serve } from "./serve.ts";

// The package's own copies: what it serializes with one, another wouldn't take for its own.
const fromPackage = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
const grpc = fromPackage("@grpc/grpc-js");
const { Any } = fromPackage("google-protobuf/google/protobuf/any_pb.js");
const { Empty } = fromPackage("google-protobuf/google/protobuf/empty_pb.js");
const { Struct } = fromPackage("google-protobuf/google/protobuf/struct_pb.js");
const { PluginInfo } = fromPackage("./proto/plugin_pb.js");
const { ResourceProviderService } = fromPackage("./proto/provider_grpc_pb.js");
const messages = fromPackage("./proto/provider_pb.js");
const { Status } = fromPackage("./proto/status_pb.js");

export type Properties = Record<string, any>;

/** A resource that was made and isn't what was asked for: Pulumi's engine takes it down with its error. */
export class PartialFailure extends Error {
  readonly id: string;
  readonly state: Properties;

  constructor(id: string, state: Properties, message: string) {
    super(message);
    this.id = id;
    this.state = state;
  }
}

/** What a provider does; secrets reach it revealed, and the engine itself marks outputs that repeat them. */
export interface Provider {
  /** Completes the inputs; `before` are those in the state, undefined for a new resource or the successor of one. */
  readonly check: (type: string, name: string, inputs: Properties, before: Properties | undefined) => Properties;
  /** Whether a property's change makes the resource anew. */
  readonly replaces: (type: string, property: string) => boolean;
  /** Properties that differ although their inputs don't. @default none */
  readonly due?: (type: string, state: Properties) => string[];
  /** Outputs that aren't known before an update has been made. @default none */
  readonly computed?: (type: string) => string[];
  /** @throws PartialFailure where it was made and isn't what was asked for. */
  readonly create: (type: string, name: string, inputs: Properties) => Promise<{ id: string; state: Properties }>;
  readonly update: (type: string, id: string, state: Properties, inputs: Properties) => Promise<Properties>;
  /** Returns the state as it is now, and what differs from before counts as an input's drift; undefined where there is none any more. */
  readonly read: (type: string, id: string, state: Properties) => Promise<Properties | undefined>;
  readonly delete: (type: string, id: string, state: Properties) => Promise<void>;
}

const { DiffChanges } = messages.DiffResponse;
const { Kind } = messages.PropertyDiff;

/** Serves a provider to Pulumi's engine by its own protocol. */
export function serveProvider(version: string, provider: Provider): void {
  serve(ResourceProviderService, {
    getPluginInfo: answer(() => withFields(new PluginInfo(), { version })),
    attach: answer(() => new Empty()),
    cancel: answer(() => new Empty()),
    configure: answer(() => withFields(new messages.ConfigureResponse(), { supportspreview: true })),
    check: answer((request) => {
      const before = properties(request.getOlds());
      const inputs = provider.check(request.getType(), request.getName(), properties(request.getNews()), isEmpty(before) ? undefined : before);
      return withFields(new messages.CheckResponse(), { inputs: Struct.fromJavaScript(inputs) });
    }),
    diff: answer((request) => {
      const type = request.getType();
      const changed = [
        ...changedKeys(properties(request.getOldInputs()), properties(request.getNews())),
        ...(provider.due?.(type, properties(request.getOlds())) ?? []),
      ].filter((key) => !request.getIgnorechangesList().includes(key));
      const replaces = changed.filter((key) => provider.replaces(type, key));
      const response = withFields(new messages.DiffResponse(), {
        changes: changed.length > 0 ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE,
        diffsList: changed,
        replacesList: replaces,
        hasdetaileddiff: true,
      });
      for (const key of changed) {
        const kind = replaces.includes(key) ? Kind.UPDATE_REPLACE : Kind.UPDATE;
        response.getDetaileddiffMap().set(key, withFields(new messages.PropertyDiff(), { kind, inputdiff: true }));
      }
      return response;
    }),
    create: answer(async (request) => {
      const inputs = properties(request.getProperties());
      const made = request.getPreview() ? { id: "", state: inputs } : await provider.create(request.getType(), request.getName(), inputs);
      return withFields(new messages.CreateResponse(), { id: made.id, properties: Struct.fromJavaScript(json(made.state)) });
    }),
    update: answer(async (request) => {
      const type = request.getType();
      const state = properties(request.getOlds());
      const inputs = properties(request.getNews());
      const unknown = provider.computed?.(type) ?? [];
      const expected = Object.fromEntries(Object.entries({ ...state, ...inputs }).filter(([key]) => !unknown.includes(key)));
      const updated = request.getPreview() ? expected : await provider.update(type, request.getId(), state, inputs);
      return withFields(new messages.UpdateResponse(), { properties: Struct.fromJavaScript(json(updated)) });
    }),
    read: answer(async (request) => {
      const before = properties(request.getProperties());
      const state = await provider.read(request.getType(), request.getId(), before);
      if (state === undefined) return new messages.ReadResponse();
      const drift = Object.fromEntries(changedKeys(before, state).map((key) => [key, state[key]]));
      const inputs = Struct.fromJavaScript(json({ ...properties(request.getInputs()), ...drift }));
      const fields = { id: request.getId(), properties: Struct.fromJavaScript(json(state)), inputs };
      return withFields(new messages.ReadResponse(), fields);
    }),
    delete: answer(async (request) => {
      await provider.delete(request.getType(), request.getId(), properties(request.getProperties()));
      return new Empty();
    }),
  });
}

const properties = (struct: any): Properties => struct?.toJavaScript() ?? {};
const isEmpty = (value: Properties) => Object.keys(value).length === 0;
/** Values that are undefined have no place in the protocol. */
const json = (value: Properties): Properties => JSON.parse(JSON.stringify(value));

function changedKeys(before: Properties, now: Properties): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((key) => key !== "__defaults");
  return keys.filter((key) => canonical(before[key]) !== canonical(now[key]));
}

/** JSON with an object's keys in one order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, entry) => (isObject(entry) ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1))) : entry)) ??
  "";

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

/** Sets fields of a message by their names in lower case. */
function withFields(message: any, fields: Record<string, unknown>): any {
  for (const [name, value] of Object.entries(fields)) message[`set${name[0].toUpperCase()}${name.slice(1)}`](value);
  return message;
}

function answer(respond: (request: any) => unknown) {
  return (call: any, callback: any) => {
    Promise.resolve()
      .then(() => respond(call.request))
      .then(
        (response) => callback(null, response),
        (error) => callback(errorOf(error)),
      );
  };
}

function errorOf(error: Error) {
  const metadata = new grpc.Metadata();
  if (error instanceof PartialFailure) {
    const fields = { id: error.id, properties: Struct.fromJavaScript(json(error.state)), reasonsList: [error.message] };
    const details = new Any();
    details.pack(withFields(new messages.ErrorResourceInitFailed(), fields).serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = withFields(new Status(), { code: grpc.status.UNKNOWN, message: error.message });
    status.addDetails(details);
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, message: error.message, metadata };
}
