import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashBuildContext } from "../../compose/build-context.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-context-"));
  write("Dockerfile", "FROM python:3.14-slim\n");
  write("manage.py", "x");
  write("movies/views.py", "y");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const hash = (options: unknown = {}, context: string | undefined = folder) =>
  hashBuildContext({ context, dockerfile: join(folder, "Dockerfile"), options });

test("is the same for the same files, wherever they are", () => {
  expect(hash()).toMatch(/^[0-9a-f]{64}$/);
  expect(hash()).toBe(hash());
});

test.each<[string, () => void]>([
  ["content", () => write("movies/views.py", "z")],
  ["a new file", () => write("movies/urls.py", "")],
  ["a name", () => (rmSync(join(folder, "manage.py")), write("manage2.py", "x"))],
  ["whether it can be run", () => chmodSync(join(folder, "manage.py"), 0o755)],
  ["where a link leads", () => symlinkSync("manage.py", join(folder, "link"))],
  ["the Dockerfile, ignored or not", () => (write(".dockerignore", "Dockerfile\n.dockerignore\n"), write("Dockerfile", "FROM python:3.13\n"))],
])("changes with %s", (_, change) => {
  const before = hash();
  change();
  expect(hash()).not.toBe(before);
});

test("changes with stage and arguments", () => {
  expect(hash({ target: "a" })).not.toBe(hash({ target: "b" }));
});

test("doesn't change with what .dockerignore leaves out, but with what it takes back in", () => {
  write(".dockerignore", "**/*.pyc\nmedia\n!media/kept\n");
  const before = hash();
  write("movies/views.pyc", "1");
  write("media/poster.png", "1");
  expect(hash()).toBe(before);
  write("media/kept", "1");
  expect(hash()).not.toBe(before);
});

test("a folder that is ignored whole isn't looked into", () => {
  write(".dockerignore", "node_modules\n");
  const before = hash();
  write("node_modules/a/index.js", "1");
  expect(hash()).toBe(before);
});

test("doesn't change with a context that doesn't count", () => {
  const withoutContext = () => hashBuildContext({ context: undefined, dockerfile: join(folder, "Dockerfile"), options: {} });
  const before = withoutContext();
  write("movies/views.py", "z");
  expect(withoutContext()).toBe(before);
  write("Dockerfile", "FROM python:3.13\n");
  expect(withoutContext()).not.toBe(before);
});
