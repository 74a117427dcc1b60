// What the set-up prints: one line a step.
export function step(name, text) {
  process.stderr.write(`${name.padEnd(14)} ${text}\n`);
}

/** Prints a Failure as it is, anything else with its stack, and ends with exit code 1. */
export function fail(error) {
  process.stderr.write(`\n${error?.name === "Failure" ? error.message : (error?.stack ?? error)}\n`);
  process.exit(1);
}

/** Prints a usage error and ends with exit code 2. */
export function wrongUse(message, usage) {
  process.stderr.write(`${message}\n\n${usage}\n`);
  process.exit(2);
}
