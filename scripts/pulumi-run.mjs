// Runs Pulumi for the other scripts.
import { spawn } from "node:child_process";
import { wrongPassphrase } from "./setup/passphrase.mjs";
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
export function readPulumi({ command, environment, stack }, args, timeoutSeconds = 600) {
  const result = run(command, args, { cwd: root, env: environment, timeoutSeconds });
  if (result.status === 0) return result.stdout;
  const printed = tail(result.stderr + result.stdout, 20);
  throw wrongPassphrase(printed, environment, stack) ?? new Failure(`pulumi ${args[0]}`, printed, `npm run pulumi -- ${args.join(" ")}`);
}

/** After a command that failed before this terminal: throws a Failure where the passphrase is wrong, which Pulumi says without a way out. */
export function checkPassphrase({ command, environment, stack }) {
  const { stderr } = run(command, ["stack", "output", "--show-secrets", "--json", "--stack", stack], { cwd: root, env: environment });
  const failure = wrongPassphrase(stderr, environment, stack);
  if (failure !== undefined) throw failure;
}

/** Selects the stack, making it where it isn't there yet. */
export function selectStack(pulumi) {
  readPulumi(pulumi, ["stack", "select", pulumi.stack, "--create", "--non-interactive"]);
}
