// Types, lint and format: what npm run check and npm test begin with.
import { join } from "node:path";
import { collect } from "./setup/process.mjs";
import { root } from "./setup/setup.mjs";

const checks = [
  ["types", "tsc", "-p", "."],
  ["lint", "eslint", "."],
  ["format", "prettier", "--check", "--log-level", "warn", "."],
];

/** Starts them side by side, for none takes more than one processor; returns each one's name, and its exit code and output to come. */
export function startStaticChecks(environment) {
  return checks.map(([name, command, ...args]) => ({
    name,
    ended: collect(join(root, "node_modules", ".bin", command), args, { cwd: root, env: environment }),
  }));
}
