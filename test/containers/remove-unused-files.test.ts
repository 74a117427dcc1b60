import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = readFileSync(join(import.meta.dirname, "../../containers/remove-unused-files.sh"), "utf8");
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "django-stack-files-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const removeUnused = (...used: string[]) => execFileSync("sh", ["-ec", script.replaceAll("/folders", folder), "sh", ...used]);
const left = (component: string) => readdirSync(join(folder, component)).sort();

/** Makes a component's folders, and has `current` point to one of them. */
function files(component: string, ids: readonly string[], current?: string): void {
  for (const id of ids) mkdirSync(join(folder, component, id, "inside"), { recursive: true });
  if (current !== undefined) symlinkSync(current, join(folder, component, "current"));
}

test("what a container names stays, and so do what is current and a job's work in progress", () => {
  files("django", ["aaa", "bbb", "ccc", ".incoming"], "ccc");
  files("nginx", ["aaa", "ddd", "joined-ddd"], "ddd");
  removeUnused("django/bbb", "nginx/ddd");
  expect(left("django")).toEqual([".incoming", "bbb", "ccc", "current"]);
  expect(left("nginx")).toEqual(["current", "ddd"]);
});

test("a name of another component keeps nothing, and neither does the beginning of a name", () => {
  files("django", ["aaa", "bbb"], "bbb");
  removeUnused("nginx/aaa", "django/aa", "django/aaaa");
  expect(left("django")).toEqual(["bbb", "current"]);
});

test("no volume, or one without anything, is no error", () => {
  removeUnused("django/aaa");
  mkdirSync(join(folder, "backup"));
  removeUnused("django/aaa");
  expect(left("backup")).toEqual([]);
});
