import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clearStaleLock } from "../../scripts/interrupted.mjs";

let root: string;
const lock = () => join(root, ".state", ".pulumi", "locks", "organization", "django-stack", "prod", "1.json");
const write = (content: object) => writeFileSync(lock(), JSON.stringify({ username: "dev", timestamp: "2026-11-21T10:00:00Z", ...content }));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "django-stack-lock-"));
  mkdirSync(join(lock(), ".."), { recursive: true });
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
