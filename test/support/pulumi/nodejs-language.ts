import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { serve } from "./serve.ts";

const fromPackage = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
const { Empty } = fromPackage("google-protobuf/google/protobuf/empty_pb.js");
const { LanguageRuntimeService } = fromPackage("./proto/language_grpc_pb.js");
const { GetRequiredPackagesResponse, RunResponse } = fromPackage("./proto/language_pb.js");
const { PluginInfo } = fromPackage("./proto/plugin_pb.js");

/** The package's own runner of programs. */
const runner = join(dirname(createRequire(import.meta.url).resolve("@pulumi/pulumi")), "cmd", "run");

/** The runner's word that it has told the user already. */
const toldExitCode = 32;

/** The engine's address: the one argument that is no flag. */
const engine = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";

/** Runs programs for Pulumi's engine, in place of its own plugin for Node.js, which comes with its command line. */
serve(LanguageRuntimeService, {
  getPluginInfo: (_: unknown, callback: any) => {
    const info = new PluginInfo();
    info.setVersion("3.270.0");
    callback(null, info);
  },
  // None: the engine asks for each as its first resource is registered.
  getRequiredPackages: (_: unknown, callback: any) => callback(null, new GetRequiredPackagesResponse()),
  cancel: (_: unknown, callback: any) => callback(null, new Empty()),
  run: (call: any, callback: any) => {
    const { request } = call;
    const info = request.getInfo();
    const child = spawn(
      process.execPath,
      [
        runner,
        ...[`--monitor=${request.getMonitorAddress()}`, `--engine=${engine}`, `--organization=${request.getOrganization()}`],
        ...[`--project=${request.getProject()}`, `--stack=${request.getStack()}`, `--pwd=${request.getPwd()}`],
        ...[`--root-directory=${info.getRootDirectory()}`, `--parallel=${request.getParallel()}`, ...(request.getDryrun() ? ["--dry-run"] : [])],
        ...[info.getEntryPoint(), ...request.getArgsList()],
      ],
      {
        cwd: request.getPwd(),
        env: {
          ...process.env,
          PULUMI_NODEJS_TYPESCRIPT: "false",
          PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
          PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        },
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    child.on("exit", (code, signal) => {
      const response = new RunResponse();
      if (code === toldExitCode) response.setBail(true);
      else if (code !== 0) response.setError(`Program exited with ${signal ?? `code ${code}`}`);
      callback(null, response);
    });
  },
});
