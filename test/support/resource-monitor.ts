import { createRequire } from "node:module";
import { registrationOf, type Hooks, type Registration } from "../../compose/mock-runtime.ts";
import type { Create } from "./program.ts";

// The package's own copies: what it serializes with one, another wouldn't take for its own.
const fromPackage = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
const grpc = fromPackage("@grpc/grpc-js");
const { Empty } = fromPackage("google-protobuf/google/protobuf/empty_pb.js");
const { Struct } = fromPackage("google-protobuf/google/protobuf/struct_pb.js");
const { CallbacksClient } = fromPackage("./proto/callback_grpc_pb.js");
const { CallbackInvokeRequest } = fromPackage("./proto/callback_pb.js");
const { EngineService } = fromPackage("./proto/engine_grpc_pb.js");
const { GetRootResourceResponse, LogSeverity, SetRootResourceResponse } = fromPackage("./proto/engine_pb.js");
const { ResourceMonitorService } = fromPackage("./proto/resource_grpc_pb.js");
const messages = fromPackage("./proto/resource_pb.js");

/** What a program told the user. */
export interface Message {
  readonly severity: "info" | "warning" | "error";
  readonly text: string;
}

/**
 * Pulumi's side of the protocol by which a program in a process of its own registers resources, hooks and outputs, and logs.
 *
 * It knows no state and no providers: `create` answers for each resource. As with Pulumi's engine, the first resource that
 * fails ends the run: those being made are finished, their hooks included, and nothing that waits is answered any more.
 */
export class ResourceMonitor {
  readonly registrations: Registration[] = [];
  readonly messages: Message[] = [];
  /** The program's exports as sent, secrets wrapped. */
  outputs: Record<string, any> = {};
  /** What failed first. */
  failure: Error | undefined;
  private readonly stack: string;
  private readonly create: Create;
  private readonly hooks: Hooks = new Map();
  private readonly server = new grpc.Server();
  private readonly waiting: ((error: unknown) => void)[] = [];
  private running = 0;

  constructor(stack: string, create: Create) {
    this.stack = stack;
    this.create = create;
    const none = () => new Empty();
    this.server.addService(ResourceMonitorService, {
      getDeploymentInfo: answer(() => {
        const info = new messages.DeploymentInfo();
        info.setSupportedfeaturesList(Object.values(messages.ResourceMonitorFeature));
        return info;
      }),
      registerResource: (call: any, callback: any) => void this.register(call.request, callback),
      registerResourceOutputs: answer((request) => {
        if (typeOf(request.getUrn()) === "pulumi:pulumi:Stack") this.outputs = request.getOutputs().toJavaScript();
        return none();
      }),
      registerResourceHook: answer((request) => this.addHook(request, callResourceHook)),
      registerErrorHook: answer((request) => this.addHook(request, callErrorHook)),
      signalAndWaitForShutdown: answer(none),
      ...unexpected("invoke", "call", "readResource", "registerStackTransform", "registerStackInvokeTransform", "registerPackage", "supportsFeature"),
    });
    this.server.addService(EngineService, {
      log: answer((request) => {
        const severity = Object.keys(LogSeverity)[request.getSeverity()].toLowerCase();
        if (severity !== "debug") this.messages.push({ severity: severity as Message["severity"], text: request.getMessage() });
        return none();
      }),
      getRootResource: answer(() => new GetRootResourceResponse()),
      setRootResource: answer(() => new SetRootResourceResponse()),
    });
  }

  /** Starts to listen; returns the address. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) =>
      this.server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error: Error | null, port: number) =>
        error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
      ),
    );
  }

  close(): void {
    this.server.forceShutdown();
  }

  private async register(request: any, callback: any): Promise<void> {
    const registration = registrationOf(request, request.getObject()?.toJavaScript() ?? {});
    this.registrations.push(registration);
    if (this.failure !== undefined) return this.hold(callback);
    this.running += 1;
    try {
      const { id, state } = request.getCustom() ? await this.create(registration, this.hooks) : { id: "", state: {} };
      const response = new messages.RegisterResourceResponse();
      response.setUrn(this.urnOf(registration));
      response.setId(id);
      response.setObject(struct(state));
      callback(null, response);
    } catch (error) {
      this.failure ??= error as Error;
      this.hold(callback);
    } finally {
      this.running -= 1;
      if (this.failure !== undefined && this.running === 0) this.release();
    }
  }

  private hold(callback: (error: unknown) => void): void {
    this.waiting.push(callback);
    if (this.running === 0) this.release();
  }

  private release(): void {
    for (const callback of this.waiting.splice(0)) callback({ code: grpc.status.UNAVAILABLE, details: "resource monitor shut down" });
  }

  private urnOf({ type, name, parent }: Registration): string {
    const parentType = parent === "" ? "" : parent.split("::")[2];
    const types = parentType === "" || parentType === "pulumi:pulumi:Stack" ? type : `${parentType}$${type}`;
    return `urn:pulumi:${this.stack}::django-stack::${types}::${name}`;
  }

  private addHook(request: any, call: (invoke: Invoke, args: any) => Promise<unknown>) {
    const name = request.getName();
    if (this.hooks.has(name)) throw new Error(`two hooks are called ${name}`);
    const callback = request.getCallback();
    const invoke: Invoke = async (message) => {
      const client = new CallbacksClient(callback.getTarget(), grpc.credentials.createInsecure());
      const invocation = new CallbackInvokeRequest();
      invocation.setToken(callback.getToken());
      invocation.setRequest(message.serializeBinary());
      try {
        return await new Promise((resolve, reject) =>
          client.invoke(invocation, (error: Error | null, response: any) => (error === null ? resolve(response.getResponse_asU8()) : reject(error))),
        );
      } finally {
        client.close();
      }
    };
    this.hooks.set(name, (args) => call(invoke, args));
    return new Empty();
  }
}

type Invoke = (message: any) => Promise<Uint8Array>;

async function callResourceHook(invoke: Invoke, { id, newInputs, newOutputs }: any): Promise<void> {
  const request = new messages.ResourceHookRequest();
  request.setId(id);
  request.setNewInputs(struct(newInputs));
  request.setNewOutputs(struct(newOutputs));
  const error = messages.ResourceHookResponse.deserializeBinary(await invoke(request)).getError();
  if (error !== "") throw new Error(error);
}

/** Returns whether to try again. */
async function callErrorHook(invoke: Invoke, { newInputs, failedOperation, errors }: any): Promise<boolean> {
  const request = new messages.ErrorHookRequest();
  request.setNewInputs(struct(newInputs));
  request.setFailedOperation(failedOperation);
  request.setErrorsList(errors);
  const response = messages.ErrorHookResponse.deserializeBinary(await invoke(request));
  if (response.getError() !== "") throw new Error(response.getError());
  return response.getRetry();
}

const typeOf = (urn: string) => urn.split("::")[2].split("$").at(-1);

/** Values that are undefined have no place in the protocol. */
const struct = (value: Record<string, any>) => Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));

function answer(respond: (request: any) => unknown) {
  return (call: any, callback: any) => {
    try {
      callback(null, respond(call.request));
    } catch (error) {
      callback({ code: grpc.status.UNKNOWN, details: (error as Error).message });
    }
  };
}

function unexpected(...methods: string[]) {
  const refuse = (method: string) => (_: unknown, callback: any) =>
    callback({ code: grpc.status.UNIMPLEMENTED, details: `the program asked for ${method}` });
  return Object.fromEntries(methods.map((method) => [method, refuse(method)]));
}
