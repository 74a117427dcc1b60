import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const script = join(import.meta.dirname, "../../containers/release.sh");

/** Runs the job with a Python that says `answer` when it is asked for the superuser; returns what manage.py was told to do. */
function release(answer: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "django-stack-release-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const told = join(folder, "told");
  const python = `#!/bin/sh\necho "$2" >> '${told}'\nif [ "$2" = shell ]; then printf '%s' '${answer}'; fi\n`;
  writeFileSync(join(folder, "python"), python);
  chmodSync(join(folder, "python"), 0o755);
  const environment = { WSGI_MODULE: "", WORKER_CLASS: "sync", RELEASE_TIMEOUT_SECONDS: "5", STATIC_SOURCE: "", DJANGO_SUPERUSER_USERNAME: "admin" };
  execFileSync("sh", [script], { env: { ...environment, PATH: `${folder}:${process.env.PATH}` }, stdio: ["ignore", "pipe", "pipe"] });
  return readFileSync(told, "utf8").trim().split("\n");
}

test("makes the superuser where there is none, whatever the project prints as it is loaded", () => {
  expect(release("missing\n")).toEqual(["migrate", "shell", "createsuperuser"]);
  expect(release("loading settings\nmissing\n")).toEqual(["migrate", "shell", "createsuperuser"]);
});

test("leaves one that is there alone", () => {
  expect(release("exists\n")).toEqual(["migrate", "shell"]);
  expect(release("loading settings\nexists\n")).toEqual(["migrate", "shell"]);
});

test("fails where the answer is neither", () => {
  expect(() => release("the database said no\n")).toThrow(/release: can't tell whether superuser admin exists: the database said no/);
});
