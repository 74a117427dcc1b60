import { createRequire } from "node:module";

const fromPackage = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
const grpc = fromPackage("@grpc/grpc-js");

/** Serves a plugin's methods to the engine that started it, on a port that the first line of the standard output names; ends with it. */
export function serve(service: unknown, methods: Record<string, unknown>): void {
  const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
  server.addService(service, methods);
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error: Error | null, port: number) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });
  const engine = process.ppid;
  setInterval(() => {
    if (process.ppid !== engine) process.exit(1);
  }, 1000).unref();
}
