import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const settings = join(import.meta.dirname, "../../containers/gunicorn.conf.py");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-gunicorn-"));
  mkdirSync(join(folder, "django"));
  writeFileSync(join(folder, "django/__init__.py"), "");
  writeFileSync(
    join(folder, "django/urls.py"),
    `
class Resolver:
    @property
    def url_patterns(self):
        print("urls loaded")

def get_resolver():
    return Resolver()
`,
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Reads the file as gunicorn does, in the project's folder, and lets a worker start. */
function start(environment: Record<string, string> = { DJANGO_SETTINGS_MODULE: "config.settings" }): string {
  const program = `
import runpy
settings = runpy.run_path(${JSON.stringify(settings)})
print(settings.get("backlog"), settings.get("_private"))
settings["post_worker_init"]("worker 7")
`;
  const env = { PATH: process.env.PATH ?? "", PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1", ...environment };
  return execFileSync("python3", ["-c", program], { cwd: folder, env, encoding: "utf8" });
}

test("a worker loads the URLs before its first request", () => {
  expect(start()).toBe("None None\nurls loaded\n");
});

test("nothing is loaded where Django isn't what runs", () => {
  expect(start({})).toBe("None None\n");
});

test("the project's own settings count, and its own hook runs first", () => {
  writeFileSync(
    join(folder, "gunicorn.conf.py"),
    `
import pathlib
_private = 1
backlog = 512

def post_worker_init(worker):
    print(f"{pathlib.Path(__file__).name} has {worker}")
`,
  );
  expect(start()).toBe("512 None\ngunicorn.conf.py has worker 7\nurls loaded\n");
});
