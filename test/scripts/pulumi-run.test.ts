import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder: string;
let runner: string;

// A program in Pulumi's place: says which signals come, and ends with 3 when a file is there.
const program = `#!/bin/sh
for signal in INT TERM HUP; do trap "echo got $signal" $signal; done
echo "began $*"
until [ -f "$0.end" ]; do sleep 0.02; done
exit 3
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-run-"));
  writeFileSync(join(folder, "pulumi"), program, { mode: 0o755 });
  runner = join(folder, "runner.mjs");
  writeFileSync(
    runner,
    `import { runPulumi } from ${JSON.stringify(join(import.meta.dirname, "../../scripts/pulumi-run.mjs"))};
process.exitCode = await runPulumi({ command: ${JSON.stringify(join(folder, "pulumi"))}, environment: process.env }, ["up", "--stack", "prod"]);
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs it, sends signals, each after some milliseconds, and returns its exit code and what it printed, which are so many lines at least. */
async function signalled(lines: number, ...signals: readonly (readonly [NodeJS.Signals, number])[]) {
  const child = spawn(process.execPath, [runner], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const closed = once(child, "close");
  await expect.poll(() => text, { interval: 10 }).toBe("began up --stack prod\n");
  for (const [signal, milliseconds] of signals) {
    await sleep(milliseconds);
    child.kill(signal);
  }
  const printed = () => text.trim().split("\n").slice(1);
  await expect.poll(() => printed().length, { interval: 10, timeout: 10_000 }).toBeGreaterThanOrEqual(lines);
  await sleep(100);
  writeFileSync(join(folder, "pulumi.end"), "");
  const [code] = await closed;
  rmSync(join(folder, "pulumi.end"));
  return [code, printed()];
}

test("resolves with its exit code", async () => expect(await signalled(0)).toEqual([3, []]));

test("Ctrl-C, which comes from the terminal and once more from npm, reaches it once; a second Ctrl-C does too", async () => {
  expect(await signalled(2, ["SIGINT", 0], ["SIGINT", 20], ["SIGINT", 600])).toEqual([3, ["got INT", "got INT"]]);
});

test("a terminal that goes away is a Ctrl-C, and SIGTERM is passed on", async () => {
  expect(await signalled(1, ["SIGHUP", 0])).toEqual([3, ["got INT"]]);
  expect(await signalled(1, ["SIGTERM", 0])).toEqual([3, ["got TERM"]]);
});
