import { spawn } from "node:child_process";
import { join } from "node:path";
import type { LoadArgs, Sent } from "./load.ts";

export interface RunningLoad {
  /** Sends nothing more, waits for the answers and returns what became of each request. */
  stop(): Promise<Sent[]>;
}

/**
 * Starts a load in a process of its own, so that nothing that a test does delays its clock, and in a session of its own, for Linux shares
 * processors out between sessions: visitors are elsewhere, and don't wait for what a deploy does beside serving.
 */
export function startLoad(args: LoadArgs): RunningLoad {
  const child = spawn(process.execPath, [join(import.meta.dirname, "process.ts")], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<Sent[]>((resolve, reject) => {
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(Buffer.concat(chunks).toString()));
      else reject(new Error(`the load ended with exit code ${code}`));
    });
  });
  ended.catch(() => {});
  child.stdin.on("error", () => {});
  child.stdin.write(`${JSON.stringify(args)}\n`);
  return {
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
