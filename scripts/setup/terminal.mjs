// What the set-up prints: one line a step.
import { createInterface } from "node:readline/promises";

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

/** Asks at the terminal; resolves with whether the answer was yes. */
export async function ask(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
