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

/** Has a worker end with an exit code, as gunicorn does, and returns what it prints and its own exit code. */
function end(code: string, pid = "os.getpid()"): string {
  const program = `
import atexit, os, runpy, sys, threading, time
from types import SimpleNamespace as Object
settings = runpy.run_path(${JSON.stringify(settings)})

class Project:
    def __del__(self):
        print("taken apart")

project = Project()
atexit.register(print, "told")
process = os.fork()
if process == 0:
    threading.Thread(target=lambda: (time.sleep(0.2), print("other thread"))).start()
    try:
        sys.exit(${code})
    finally:
        settings["worker_exit"]("server", Object(pid=${pid}))
_, status = os.waitpid(process, 0)
sys.stdout.write(f"exit code {os.waitstatus_to_exitcode(status)}\\n")
sys.stdout.flush()
os._exit(0)
`;
  return execFileSync("python3", ["-c", program], { cwd: folder, encoding: "utf8", env: { PATH: process.env.PATH ?? "" } });
}

test("a worker ends in order, and without taking the project apart", () => {
  expect(end("0")).toBe("other thread\ntold\nexit code 0\n");
  writeFileSync(join(folder, "gunicorn.conf.py"), "def worker_exit(server, worker):\n    print('own hook')\n");
  expect(end("0")).toBe("own hook\nother thread\ntold\nexit code 0\n");
});

test("a worker that couldn't start says so by its exit code, and the server isn't ended with a worker that it finds gone", () => {
  const usual = "other thread\ntold\ntaken apart\nexit code";
  expect(end("3")).toBe(`${usual} 3\n`);
  expect(end("0", "1")).toBe(`${usual} 0\n`);
});
