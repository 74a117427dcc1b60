import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { expect, test } from "vitest";
import { spawnLowPriority } from "../../scripts/low-priority.mjs";

/** Returns what a shell script prints that begins once the program was started. */
async function printed(script: string): Promise<string> {
  const child = spawnLowPriority("sh", ["-c", `read go; ${script}`], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stdin!.end("go\n");
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return text.trim();
}

test("a program gives way to others of its session, by ten steps of priority", async () => {
  expect(await printed("nice")).toBe(String(Math.min(19, getPriority() + 10)));
});

test("it is a session of its own, which gives way to other sessions where the kernel shares out between them", async () => {
  expect(await printed('[ "$(cut -d " " -f 6 /proc/$$/stat)" = $$ ] && echo its own')).toBe("its own");
  if (!existsSync("/proc/self/autogroup")) return console.log("not tested: a session's priority, for this kernel doesn't share out between sessions");
  const ours = readFileSync("/proc/self/autogroup", "utf8");
  expect(await printed("cat /proc/$$/autogroup")).toMatch(/ nice 10$/);
  expect(readFileSync("/proc/self/autogroup", "utf8")).toBe(ours);
});

test("a program that isn't there ends with 127", async () => {
  const child = spawnLowPriority("/nowhere/pulumi", [], { stdio: "ignore" });
  expect(await once(child, "exit")).toEqual([127, null]);
});
