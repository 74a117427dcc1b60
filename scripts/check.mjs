// npm run check: types, lint, format and unit tests; no Docker.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUpNode } from "./setup/setup.mjs";
import { fail, wrongUse } from "./setup/terminal.mjs";

const usage = `Checks types, lint and format, and runs the unit tests. Needs no Docker.

Example: npm run check`;

try {
  const words = process.argv.slice(2);
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  if (words.length > 0) wrongUse(`${words.join(" ")}: unknown; it takes no words`, usage);
  const environment = setUpNode();
  const bin = (name) => join(root, "node_modules", ".bin", name);
  // None of these takes more than one processor; the unit tests take all there are.
  const readers = [
    ["types", "tsc", "-p", "."],
    ["lint", "eslint", "."],
    ["format", "prettier", "--check", "--log-level", "warn", "."],
  ].map(([name, command, ...args]) => ({ name, ended: collect(bin(command), args, environment) }));
  const codes = [];
  for (const { name, ended } of readers) {
    const { code, output } = await ended;
    process.stderr.write(`\n${name}\n${output}`);
    codes.push(code);
  }
  process.stderr.write("\nunit tests\n");
  codes.push(spawnSync(bin("vitest"), ["run", "--project", "unit"], { cwd: root, env: environment, stdio: "inherit" }).status);
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
} catch (error) {
  fail(error);
}

/** Runs a command; resolves with its exit code and all that it printed. */
function collect(command, args, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", reject).on("close", (code) => resolve({ code, output }));
  });
}
