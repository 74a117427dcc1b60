import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";

const entry = join(import.meta.dirname, "../../containers/entry.sh");
const folder = mkdtempSync(join(tmpdir(), "django-stack-entry-"));
const secret = join(folder, "secret");
writeFileSync(secret, 'it\'s $HOME `a` "b"\nsecond line\n');
afterAll(() => rmSync(folder, { recursive: true }));

const environment = (further: Record<string, string>) => ({ PATH: process.env.PATH ?? "", ...further });

test("turns NAME_FILE into NAME, byte for byte but for the last line end", () => {
  const printed = execFileSync("sh", [entry, "run", "sh", "-c", 'printf "%s" "$TOKEN"'], {
    env: environment({ TOKEN_FILE: secret }),
    encoding: "utf8",
  });
  expect(printed).toBe('it\'s $HOME `a` "b"\nsecond line');
});

test("leaves a NAME that is given, and a NAME_FILE that is no path", () => {
  const run = (env: Record<string, string>) =>
    execFileSync("sh", [entry, "run", "sh", "-c", 'printf "%s|%s" "${TOKEN-unset}" "$TOKEN_FILE"'], { env: environment(env), encoding: "utf8" });
  expect(run({ TOKEN: "given", TOKEN_FILE: secret })).toBe(`given|${secret}`);
  expect(run({ TOKEN_FILE: "relative" })).toBe("unset|relative");
});

test("fails on a file that can't be read, naming it", () => {
  const { status, stderr } = spawnSync("sh", [entry, "run", "true"], { env: environment({ TOKEN_FILE: `${folder}/none` }), encoding: "utf8" });
  expect([status, stderr]).toEqual([1, `entry.sh: TOKEN_FILE names ${folder}/none, which user ${process.getuid?.()} can't read\n`]);
});

test("run becomes the command", () => {
  expect(spawnSync("sh", [entry, "run", "sh", "-c", "exit 7"], { env: environment({}) }).status).toBe(7);
});

test("serve passes on how the server ended", () => {
  expect(spawnSync("sh", [entry, "serve", "sh", "-c", "exit 3"], { env: environment({ DRAIN_SECONDS: "1" }) }).status).toBe(3);
});

test("serve removes temporary files that are older than a day, and what a killed release left", async () => {
  const temporary = mkdtempSync(join(folder, "temporary-"));
  const dayBefore = Date.now() / 1000 - 25 * 3600;
  const old = ["release.a/static/b", "release.a/static", "release.a", "old.upload", "kept"];
  for (const name of ["release.a/static", "release.b", "kept"]) mkdirSync(join(temporary, name), { recursive: true });
  for (const name of ["release.a/static/b", "old.upload", "new.upload"]) writeFileSync(join(temporary, name), "");
  for (const name of old) utimesSync(join(temporary, name), dayBefore, dayBefore);
  const child = spawn("sh", [entry, "serve", "sleep", "1"], { env: environment({ DRAIN_SECONDS: "1", TMPDIR: temporary }) });
  await new Promise((resolve) => child.on("exit", resolve));
  expect(readdirSync(temporary)).toEqual(["kept", "new.upload", "release.b"]);
});

test("serve lets the server go on for DRAIN_SECONDS after SIGTERM, then stops it in order", async () => {
  const server = join(folder, "server.sh");
  writeFileSync(server, `trap 'echo stopped; exit 0' TERM\nwhile :; do echo tick; sleep 0.1; done\n`);
  chmodSync(server, 0o755);
  const child = spawn("sh", [entry, "serve", "sh", server], { env: environment({ DRAIN_SECONDS: "1" }) });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  await sleep(500);
  const ticks = () => text.split("tick").length - 1;
  const before = ticks();
  const start = performance.now();
  child.kill("SIGTERM");
  child.kill("SIGTERM");
  const code = await new Promise((resolve) => child.on("exit", resolve));
  expect(code).toBe(0);
  expect(performance.now() - start).toBeGreaterThan(900);
  expect(ticks() - before).toBeGreaterThan(3);
  expect(text.trim().endsWith("stopped")).toBe(true);
});

test("serve stops the server at once where SIGURG has said that nobody knows it any more", async () => {
  const child = spawn("sh", [entry, "serve", "sh", join(folder, "server.sh")], { env: environment({ DRAIN_SECONDS: "20" }) });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  while (!text.includes("tick")) await sleep(50);
  child.kill("SIGURG");
  await sleep(500);
  const before = text.split("tick").length;
  await sleep(500);
  // It goes on until it is told to stop.
  expect(text.split("tick").length).toBeGreaterThan(before);
  child.kill("SIGTERM");
  const start = performance.now();
  expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(text.trim().endsWith("stopped")).toBe(true);
});
