// Runs Pulumi for the other scripts.
import { spawn } from "node:child_process";
import { run, tail, Failure } from "./setup/process.mjs";
import { root } from "./setup/setup.mjs";

/** Runs pulumi with this terminal and resolves with its exit code; Ctrl-C reaches it and not us, so that it can end in order. */
export function runPulumi({ command, environment }, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: environment, stdio: "inherit" });
    const ignore = () => {};
    process.on("SIGINT", ignore);
    const forward = () => child.kill("SIGTERM");
    process.on("SIGTERM", forward);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", forward);
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });
}

/** Runs pulumi without a terminal and returns its standard output; throws a Failure with what it printed. */
export function readPulumi({ command, environment }, args, timeoutSeconds = 600) {
  const result = run(command, args, { cwd: root, env: environment, timeoutSeconds });
  if (result.status !== 0) throw new Failure(`pulumi ${args[0]}`, tail(result.stderr + result.stdout, 20), `npm run pulumi -- ${args.join(" ")}`);
  return result.stdout;
}

/** Selects a stack, making it where it isn't there yet. */
export function selectStack(pulumi, stack) {
  readPulumi(pulumi, ["stack", "select", stack, "--create", "--non-interactive"]);
}
