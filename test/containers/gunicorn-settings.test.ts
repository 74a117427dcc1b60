import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const settings = join(import.meta.dirname, "../../containers/gunicorn.conf.py");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-gunicorn-"));
  mkdirSync(join(folder, "django/core"), { recursive: true });
  writeFileSync(join(folder, "django/__init__.py"), "");
  writeFileSync(join(folder, "django/core/__init__.py"), "");
  writeFileSync(
    join(folder, "django/core/cache.py"),
    `
class Caches:
    def close_all(self):
        print("caches closed")

caches = Caches()
`,
  );
  writeFileSync(
    join(folder, "django/db.py"),
    `
class Connection:
    def close(self):
        print("connection closed")

class PooledConnection(Connection):
    def close_pool(self):
        print("pool closed")

class Connections:
    def all(self, initialized_only):
        assert initialized_only
        return [Connection(), PooledConnection()]

connections = Connections()
`,
  );
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

const django = { DJANGO_SETTINGS_MODULE: "config.settings" };

/** Reads the file as gunicorn does, in the project's folder, and lets a worker start, or the whole server. */
function start(environment: Record<string, string> = django, preload?: boolean): string {
  const worker = 'settings["post_worker_init"]("worker 7")';
  const server = `
from types import SimpleNamespace as Object
import gc
settings["on_starting"](Object(cfg=Object(preload_app=${preload ? "True" : "False"})))
print("kept from the collector" if gc.get_freeze_count() > 0 else "collected")
`;
  const program = `
import runpy
settings = runpy.run_path(${JSON.stringify(settings)})
print(settings.get("backlog"), settings.get("_private"), settings.get("control_socket_disable"))
${preload === undefined ? worker : server}
`;
  const env = { PATH: process.env.PATH ?? "", PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1", ...environment };
  return execFileSync("python3", ["-c", program], { cwd: folder, env, encoding: "utf8" });
}

test("a worker loads the URLs before its first request", () => {
  expect(start()).toBe("None None True\nurls loaded\n");
});

test("nothing is loaded where Django isn't what runs", () => {
  expect(start({})).toBe("None None True\n");
});

test("a server that preloads loads the URLs too, and closes what its workers can't share", () => {
  expect(start(django, true)).toBe(
    "None None True\nurls loaded\nconnection closed\nconnection closed\npool closed\ncaches closed\nkept from the collector\n",
  );
  expect(start({}, true)).toBe("None None True\nkept from the collector\n");
});

test("a server that doesn't preload leaves it all to its workers", () => {
  expect(start(django, false)).toBe("None None True\ncollected\n");
});

test("the project's own hook runs before the server closes anything", () => {
  writeFileSync(join(folder, "gunicorn.conf.py"), "def on_starting(server):\n    print('own hook')\n");
  expect(start(django, true)).toMatch(/^None None True\nown hook\nurls loaded\n/);
  expect(start(django, false)).toBe("None None True\nown hook\ncollected\n");
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
  expect(start()).toBe("512 None True\ngunicorn.conf.py has worker 7\nurls loaded\n");
});
