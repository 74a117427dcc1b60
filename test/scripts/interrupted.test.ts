import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { alive, clearStaleLock, findOrphans, removeOrphans } from "../../scripts/interrupted.mjs";

let root: string;
const lock = () => join(root, ".state", ".pulumi", "locks", "organization", "django-stack", "prod", "1.json");
const write = (content: object) => writeFileSync(lock(), JSON.stringify({ username: "dev", timestamp: "2026-11-21T10:00:00Z", ...content }));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "django-stack-lock-"));
  mkdirSync(join(lock(), ".."), { recursive: true });
  writeFileSync(join(root, "Pulumi.yaml"), "name: django-stack\n");
});
afterEach(() => rmSync(root, { recursive: true }));

test("a lock whose process is gone is removed", () => {
  write({ pid: 4242, hostname: hostname() });
  clearStaleLock(root, "prod", () => false);
  expect(existsSync(lock())).toBe(false);
});

test("a lock whose process still runs stays and fails", () => {
  write({ pid: process.pid, hostname: hostname() });
  expect(() => clearStaleLock(root, "prod")).toThrow(
    `lock: another command works on stack prod: process ${process.pid} of dev on ${hostname()}, since 2026-11-21T10:00:00Z\n  fix: wait for it, or end it`,
  );
  expect(existsSync(lock())).toBe(true);
});

test("a process that was killed and that nobody has asked about is gone", async () => {
  // The shell starts one, becomes a program that asks about no child, and says whose number it is.
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
  onTestFinished(() => void parent.kill());
  const pid = Number(await once(parent.stdout, "data"));
  expect(alive(pid)).toBe(true);
  await vi.waitFor(() => expect(readFileSync(`/proc/${parent.pid}/cmdline`, "utf8")).toMatch(/^sleep/));
  process.kill(pid, "SIGKILL");
  await vi.waitFor(() => expect(alive(pid)).toBe(false));
  expect(() => process.kill(pid, 0)).not.toThrow();
});

test("a lock of another machine stays and fails", () => {
  write({ pid: 1, hostname: "elsewhere" });
  expect(() => clearStaleLock(root, "prod", () => false)).toThrow("fix: make sure that it is over, then npm run pulumi -- cancel --stack prod");
  expect(existsSync(lock())).toBe(true);
});

test("no lock is no matter, and another stack's isn't ours", () => {
  write({ pid: process.pid, hostname: hostname() });
  clearStaleLock(root, "dev");
  expect(existsSync(lock())).toBe(true);
});

test("containers and networks that the state doesn't know are removed, the known ones, a restore under way and what Compose made stay", () => {
  const docker = join(root, "docker");
  const calls = join(root, "calls");
  writeFileSync(
    docker,
    `#!/bin/sh
case "$1" in
  ps) printf 'c1 movies-prod-django-0-aaaaaaa\nc2 movies-prod-django-0-bbbbbbb\nc3 movies-prod-backup-restore\nc4 movies-prod-nginx-1 movies-prod\n'; echo "$@" >> ${calls} ;;
  network) [ "$2" = ls ] && printf 'n1 movies-prod-edge\nn2 movies-prod-app\nn3 movies-prod_app movies-prod\n'; echo "$@" >> ${calls} ;;
  *) echo "$@" >> ${calls} ;;
esac
`,
  );
  chmodSync(docker, 0o755);
  const resources = [
    { type: "docker:index/container:Container", id: "c1" },
    { type: "docker:index/network:Network", id: "n2" },
  ];
  const engine = { command: docker, arguments: [] };
  const orphans = findOrphans(engine, { name: "movies", stack: "prod", checkout: "aaaaaaaaaaaa", state: { deployment: { resources } } });
  removeOrphans(engine, orphans);
  expect(orphans.map(({ name }: { name: string }) => name)).toEqual(["movies-prod-django-0-bbbbbbb", "movies-prod-edge"]);
  const labels = "--filter label=django-stack.name=movies --filter label=django-stack.stack=prod --filter label=django-stack.checkout=aaaaaaaaaaaa";
  const project = '{{.Label "com.docker.compose.project"}}';
  expect(readFileSync(calls, "utf8")).toBe(`ps --all --no-trunc --format {{.ID}} {{.Names}} ${project} ${labels}
network ls --no-trunc --format {{.ID}} {{.Name}} ${project} ${labels}
rm --force --volumes c2
network rm n1
`);
});
