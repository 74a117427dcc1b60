// Runs programs for the set-up steps, and the one kind of error that they end with.
import { spawn, spawnSync } from "node:child_process";

/** A step that could not be done: its name, the cause, and the command or action that mends it. */
export class Failure extends Error {
  constructor(step, cause, fix) {
    super(`${step}: ${cause}\n  fix: ${fix}`);
    this.name = "Failure";
    this.step = step;
    this.cause = cause;
    this.fix = fix;
  }
}

/** Runs a program to its end without a terminal and returns `{ status, stdout, stderr }`; status 127 when it isn't there. */
export function run(command, args, { timeoutSeconds = 60, cwd, env, input } = {}) {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    timeout: timeoutSeconds * 1000,
    maxBuffer: 64 * 1024 * 1024,
    cwd,
    env: env ?? process.env,
    input: input ?? "",
  });
  const missing = result.error?.code === "ENOENT";
  const late = result.error?.code === "ETIMEDOUT";
  return {
    status: missing ? 127 : (result.status ?? 1),
    stdout: result.stdout ?? "",
    stderr: (result.stderr ?? "") + (late ? `\nno end after ${timeoutSeconds} s` : ""),
  };
}

/** Runs a program beside others; resolves with its exit code and all that it printed. */
export function collect(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", reject).on("close", (code) => resolve({ code, output }));
  });
}

/** The trimmed standard output of a program, or "" when it failed. */
export function output(command, args, options) {
  const result = run(command, args, options);
  return result.status === 0 ? result.stdout.trim() : "";
}

/** The last `count` lines of a text that aren't empty, without the hint at its help that docker ends with from version 23 on. */
export function tail(text, count) {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^(See|Run) 'docker .*--help'/.test(line));
  return lines.slice(-count).join("\n") || "(no output)";
}
