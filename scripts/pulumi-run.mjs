// Runs Pulumi for the other scripts.
import { spawnLowPriority } from "./low-priority.mjs";
import { wrongPassphrase } from "./setup/passphrase.mjs";
import { run, tail, Failure } from "./setup/process.mjs";
import { root } from "./setup/setup.mjs";

/** Milliseconds within which a second SIGINT is the same Ctrl-C: the terminal sends one, and npm passes its own on. */
const sameInterrupt = 500;

/**
 * Runs pulumi with this terminal and a low priority, and resolves with its exit code. It ends in order on Ctrl-C, and when the terminal goes
 * away; a second Ctrl-C ends it at once.
 */
export function runPulumi({ command, environment }, args) {
  return new Promise((resolve, reject) => {
    const child = spawnLowPriority(command, args, { cwd: root, env: environment, stdio: "inherit" });
    let interrupted = 0;
    const interrupt = () => {
      if (Date.now() - interrupted < sameInterrupt) return;
      interrupted = Date.now();
      child.kill("SIGINT");
    };
    const handlers = { SIGINT: interrupt, SIGHUP: interrupt, SIGTERM: () => child.kill("SIGTERM") };
    for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler);
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
