import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { docker } from "../support/site.ts";

const root = join(import.meta.dirname, "../..");
const tag = `dscheckrelease-${process.pid}`;
let folder: string;

beforeAll(() => {
  docker("build", "--quiet", "--tag", tag, join(root, "django"));
  folder = mkdtempSync(join(tmpdir(), "django-stack-check-release-"));
  // The image's user reads it.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "whitenoise"));
  writeFileSync(join(folder, "whitenoise/middleware.py"), "def WhiteNoiseMiddleware(get_response):\n    return get_response\n");
  const volumes = ["--volume", `${folder}:/other:ro`, "--volume", `${join(root, "containers")}:/scripts:ro`];
  docker("run", "--detach", "--init", "--name", tag, "--network", "none", ...volumes, "--entrypoint", "sleep", tag, "600");
});
afterAll(() => {
  docker("rm", "--force", tag);
  docker("image", "rm", "--force", tag);
  rmSync(folder, { recursive: true, force: true });
});

const environment = {
  ALLOWED_HOSTS: "movies.example,www.movies.example",
  CACHE_SESSION_COOKIES: "",
  DATABASE_HOST: "postgres",
  DATABASE_NAME: "django",
  DATABASE_PASSWORD: "secret",
  DATABASE_USER: "django_a",
  DEBUG: "false",
  DJANGO_SETTINGS_MODULE: "other",
  HEALTH_PATH: "/healthz",
  HTTPS: "true",
  LOGIN_PATHS: "/admin/login/ /accounts/login/",
  MEDIA_ROOT: "/vol/web/media",
  PYTHONPATH: "/other",
  SECRET_KEY: "a-key-of-more-than-fifty-characters-that-nobody-uses-anywhere-else-1",
};

const checks = (module: string, workerClass: string) => ["/scripts/check-release.py", module, workerClass, "/tmp/settings"];

/** Loads the sample with these lines at the end of its settings. */
function checkRelease(lines: readonly string[], { variables = {}, words = checks("config.wsgi", "gthread") } = {}) {
  writeFileSync(join(folder, "other.py"), ["from config.settings import *", ...lines, ""].join("\n"));
  const options = Object.entries({ ...environment, ...variables }).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const command = ["exec", ...options, tag, "python", ...words];
  const { stdout, stderr, status } = spawnSync("docker", command, { encoding: "utf8" });
  return { lines: stdout.split("\n").filter((line) => line !== ""), error: stderr.trim(), status };
}

const quiet = { lines: [], error: "", status: 0 };

test("says nothing of a project that takes what the stack gives", () => {
  expect(checkRelease([])).toEqual(quiet);
  expect(checkRelease([], { words: checks("config.asgi", "sync") })).toEqual(quiet);
  // Off, and there is no TLS.
  expect(checkRelease(["SESSION_COOKIE_SECURE = False"], { variables: { HTTPS: "false" } })).toEqual(quiet);
});

const fromEnvironment = "take DATABASE_URL, or DATABASE_HOST, _PORT, _NAME, _USER and _PASSWORD, from the environment";

test.each([
  [
    "another database",
    [`DATABASES["default"]["HOST"] = "db.example"`],
    [`the default database is at db.example; the stack's own, postgres, stays empty, and backups are of that; fix: ${fromEnvironment} (django_stack.W001)`],
  ],
  [
    "uploads in the image",
    [`MEDIA_ROOT = "/srv/app/media"`],
    ["uploads go to /srv/app/media, where a replica can't write; its volume for them is /vol/web/media; fix: take MEDIA_ROOT from the environment (django_stack.W002)"],
  ],
  [
    "another address of uploads",
    [`MEDIA_URL = "uploads/"`],
    ["pages name uploads at /uploads/, and nginx serves them at /media/; fix: set MEDIA_URL to /media/ (django_stack.W003)"],
  ],
  [
    "a folder of the uploads, under the address of all",
    [`MEDIA_ROOT = "/vol/web/media/shop"`],
    ["pages name uploads at /media/, and nginx serves them at /media/shop/; fix: set MEDIA_URL to /media/shop/ (django_stack.W003)"],
  ],
  [
    "uploads that nginx can't read",
    ["FILE_UPLOAD_PERMISSIONS = 0o600"],
    ["FILE_UPLOAD_PERMISSIONS is 0o600, and nginx, another user, can't read uploads; fix: set it to 0o644 (django_stack.W004)"],
  ],
  [
    "another address of static files",
    [`STATIC_URL = "assets/"`],
    ["pages name static files at /assets/, and nginx serves them at /static/; fix: set STATIC_URL to /static/ (django_stack.W005)"],
  ],
  [
    "a name that Django refuses",
    [`ALLOWED_HOSTS = ["movies.example"]`],
    ["visitors of www.movies.example get 400: ALLOWED_HOSTS hasn't that name; fix: take ALLOWED_HOSTS from the environment (django_stack.W006)"],
  ],
  [
    "a key in the code",
    [`SECRET_KEY = SECRET_KEY.upper()`],
    ["SECRET_KEY isn't from the environment: whoever has the image may have it, and secrets.secretKeyVersion changes nothing; fix: take SECRET_KEY, or a name from secretEnv, from the environment (django_stack.W007)"],
  ],
  [
    "a key that is too short",
    [`SECRET_KEY = "true"`],
    [expect.stringMatching(/^Your SECRET_KEY has less than 50 characters, .* \(security\.W009\)$/)],
  ],
  [
    "sessions in a worker's memory",
    [`SESSION_ENGINE = "django.contrib.sessions.backends.cache"`],
    ["sessions are kept by LocMemCache, and no worker knows those of another: visitors are logged out at random; fix: keep them in the database, or in a cache that all workers share (django_stack.W008)"],
  ],
  [
    "what Django itself warns of",
    ["DEBUG = True", "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False"],
    [
      expect.stringMatching(/^SESSION_COOKIE_SECURE is not set to True\. .* \(security\.W012\)$/),
      expect.stringMatching(/ you have not set CSRF_COOKIE_SECURE to True\. .* \(security\.W016\)$/),
      "You should not have DEBUG set to True in deployment. (security.W018)",
    ],
  ],
])("warns of %s", (_, settings, warnings) => {
  const { lines, error, status } = checkRelease(settings);
  expect({ lines: lines.map((line) => line.replace(/^release: warning: /, "")).sort(), error, status }).toEqual({ ...quiet, lines: warnings });
  expect(lines.every((line) => line.startsWith("release: warning: "))).toBe(true);
}); // prettier-ignore

test("warns of a session that the cache can't know", () => {
  const settings = [`SESSION_COOKIE_NAME = "__Secure-sessionid"`];
  expect(checkRelease(settings, { variables: { CACHE_SESSION_COOKIES: "sessionid key" } }).lines).toEqual([
    "release: warning: nginx keeps answers for all, but for visitors with the cookie sessionid or key; that of a session is __Secure-sessionid; fix: name __Secure-sessionid in cache.sessionCookies (django_stack.W010)",
  ]);
  expect(checkRelease([], { variables: { CACHE_SESSION_COOKIES: "sessionid key" } })).toEqual(quiet);
  expect(checkRelease(settings)).toEqual(quiet);
});

test("warns of a language that the cache can't know", () => {
  const settings = [`LANGUAGE_COOKIE_NAME = "lang"`, `MIDDLEWARE.append("django.middleware.locale.LocaleMiddleware")`];
  const variables = { CACHE_SESSION_COOKIES: "sessionid" };
  expect(checkRelease(settings, { variables }).lines).toEqual([
    "release: warning: a page's language follows the cookie lang, which nginx' cache doesn't know: visitors may get it in somebody else's; fix: name lang in cache.sessionCookies (django_stack.W012)",
  ]);
  expect(checkRelease(settings, { variables: { CACHE_SESSION_COOKIES: "sessionid lang" } })).toEqual(quiet);
  expect(checkRelease(settings.slice(0, 1), { variables })).toEqual(quiet);
  expect(checkRelease(settings.slice(1), { variables })).toEqual(quiet);
  expect(checkRelease(settings)).toEqual(quiet);
});

test("warns of forms for logging in that nobody limits", () => {
  const warning = (paths: string) =>
    `release: warning: nobody limits attempts to log in at ${paths}; fix: name that in limits.loginPaths, with * for a part that differs (django_stack.W013)`;
  const own = (patterns: string) => {
    writeFileSync(join(folder, "own_urls.py"), `from config.urls import *\nfrom django.conf.urls.i18n import i18n_patterns\n${patterns}\n`);
    return [`ROOT_URLCONF = "own_urls"`, `LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French"), ("it", "Italian")]`];
  };
  const languages = own(
    `urlpatterns += i18n_patterns(path("office/", admin.site.urls))\nurlpatterns = [one for one in urlpatterns if str(one.pattern) != "admin/"]`,
  );
  expect(checkRelease(languages).lines).toEqual([warning("/en/office/login/, /de/office/login/, /fr/office/login/")]);
  expect(checkRelease(languages, { variables: { LOGIN_PATHS: "/*/office/login/" } })).toEqual(quiet);
  expect(checkRelease(languages, { variables: { LOGIN_PATHS: "" } })).toEqual(quiet);
  const other = own(`urlpatterns += [path("enter", index, name="enter")]`);
  expect(checkRelease([...other, `LOGIN_URL = "enter"`]).lines).toEqual([warning("/enter")]);
  expect(checkRelease([...other, `LOGIN_URL = "nowhere"`])).toEqual(quiet);
  expect(checkRelease([...other, `LOGIN_URL = "https://login.example/"`])).toEqual(quiet);
});

test("warns of connections that each request would leave behind", () => {
  // No package of uvicorn's is there; the class is another one of those that are no thread's.
  const words = checks("config.wsgi", "gunicorn.workers.sync.SyncWorker");
  const kept = [`DATABASES["default"]["CONN_MAX_AGE"] = 60`];
  expect(checkRelease(kept, { words }).lines).toEqual([
    "release: warning: CONN_MAX_AGE is 60, and with this worker class each request has a thread, and so a connection, of its own: they pile up until Postgres has none left; fix: take CONN_MAX_AGE from the environment, or set a pool in the database's OPTIONS (django_stack.W011)",
  ]);
  expect(checkRelease([...kept, `DATABASES["default"]["OPTIONS"]["pool"] = True`], { words })).toEqual(quiet);
  expect(checkRelease(kept)).toEqual(quiet);
  expect(checkRelease([], { words })).toEqual(quiet);
});

test("knows all names below one as Django writes them", () => {
  const variables = { ALLOWED_HOSTS: "movies.example,.shops.example" };
  expect(checkRelease([], { variables })).toEqual(quiet);
  expect(checkRelease([`ALLOWED_HOSTS = ["movies.example", "a.shops.example"]`], { variables }).lines).toEqual([
    "release: warning: visitors of *.shops.example get 400: ALLOWED_HOSTS hasn't that name; fix: take ALLOWED_HOSTS from the environment (django_stack.W006)",
  ]);
});

test.each([
  ["uploads on a host of their own", [`STORAGES["default"] = {"BACKEND": "django.core.files.storage.InMemoryStorage"}`, `MEDIA_ROOT = "/srv/app/media"`]],
  ["addresses on another host", [`MEDIA_URL = "https://cdn.example/media/"`, `STATIC_URL = "https://cdn.example/static/"`]],
  ["static files that WhiteNoise serves", [`STATIC_URL = "assets/"`, `MIDDLEWARE = [*MIDDLEWARE, "whitenoise.middleware.WhiteNoiseMiddleware"]`]],
  ["addresses that Django answers itself", [`MEDIA_URL = STATIC_URL = "admin/"`]],
  ["no uploads", [`MEDIA_ROOT = MEDIA_URL = ""`]],
  ["what SILENCED_SYSTEM_CHECKS names", [`STATIC_URL = "assets/"`, "DEBUG = True", `SILENCED_SYSTEM_CHECKS = ["django_stack.W005", "security.W018"]`]],
  ["SQLite that is meant", [`DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}`, `SILENCED_SYSTEM_CHECKS = ["django_stack.E001"]`]],
])("says nothing of %s", (_, settings) => {
  expect(checkRelease(settings)).toEqual(quiet);
}); // prettier-ignore

test("fails a release whose database would go with its container, and tells the rest as well", () => {
  const settings = ["DEBUG = True", `DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}`];
  const error = `release: the default database is SQLite, /srv/app/db.sqlite3: containers don't keep it, and backups are of the stack's Postgres; fix: ${fromEnvironment} (django_stack.E001)`;
  const lines = ["release: warning: You should not have DEBUG set to True in deployment. (security.W018)"];
  expect(checkRelease(settings)).toEqual({ lines, error, status: 1 });
});

const middleware = "def known(get_response):\n    from django.http import HttpResponse\n    return lambda request: HttpResponse()";
const known = `MIDDLEWARE = ["other.known", *MIDDLEWARE]`;

test.each([
  ["/nowhere", "404 Not Found"],
  ["/admin?probe", "301 Moved Permanently to /admin/?probe"],
])("fails a release whose health can't be told at %s", (path, answer) => {
  const error = `release: Django answers ${path} with ${answer}, and a replica is healthy when it answers 200; fix: name such a path of the project in app.healthPath, or give it a view there (django_stack.E002)`;
  const checked = checkRelease([], { variables: { HEALTH_PATH: path } });
  // Django's own log may come before.
  expect({ ...checked, error: checked.error.split("\n").at(-1) }).toEqual({ lines: [], error, status: 1 });
});

test("fails a release that refuses the domain, but for one whose health a middleware tells before", () => {
  const allowed = `ALLOWED_HOSTS = ["www.movies.example"]`;
  const warning =
    "release: warning: visitors of movies.example get 400: ALLOWED_HOSTS hasn't that name; fix: take ALLOWED_HOSTS from the environment (django_stack.W006)";
  const { error, ...rest } = checkRelease([allowed]);
  expect(rest).toEqual({ lines: [warning], status: 1 });
  expect(error.split("\n").at(-1)).toBe(
    "release: Django answers /healthz with 400 Bad Request, and a replica is healthy when it answers 200; ALLOWED_HOSTS hasn't movies.example; fix: take ALLOWED_HOSTS from the environment (django_stack.E003)",
  );
  expect(checkRelease([allowed, middleware, known])).toEqual({ ...quiet, lines: [warning] });
});

test("tells of settings that manage.py doesn't take, and which gunicorn does", () => {
  const load = 'import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "other")\n';
  writeFileSync(join(folder, "other_wsgi.py"), `${load}application = get_wsgi_application()\n`);
  const given = "env --unset=DJANGO_SETTINGS_MODULE python /scripts/check-release.py other_wsgi gthread /tmp/settings";
  const shell = ["-c", `import os; os.execvp("sh", ["sh", "-c", "rm -f /tmp/settings; ${given} && cat /tmp/settings"])`];
  expect(checkRelease([], { words: shell }).lines).toEqual([
    "release: warning: gunicorn takes other, and manage.py config.settings: the release job goes by the first, background processes and you by the second; fix: set DJANGO_SETTINGS_MODULE to other in app.env (django_stack.W009)",
    "other",
  ]);
  expect(checkRelease([], { words: checks("other_wsgi", "gthread") })).toEqual(quiet);
});

test("for runserver looks at the path of its health alone", () => {
  const run = "import runpy; runpy.run_path('/scripts/check-release.py', run_name='development')";
  const words = ["manage.py", "shell", "--verbosity", "0", "--command", run];
  const settings = ["DEBUG = True", `MEDIA_ROOT = "/srv/app/media"`];
  expect(checkRelease(settings, { words })).toEqual(quiet);
  const { lines, error, status } = checkRelease(settings, { words, variables: { HEALTH_PATH: "/nowhere" } });
  expect([lines, status]).toEqual([[], 1]);
  expect(error).toMatch(/^release: Django answers \/nowhere with 404 Not Found, .* \(django_stack\.E002\)$/m);
});

test("leaves a path alone that a middleware knows, and one whose view may need what migrations bring", () => {
  expect(checkRelease([middleware, known], { variables: { HEALTH_PATH: "/nowhere" } })).toEqual(quiet);
  // Its view asks a database that isn't there.
  expect(checkRelease([], { variables: { HEALTH_PATH: "/api/movies/" } })).toEqual(quiet);
});

test("fails a release that doesn't load, and one whose worker class isn't there", () => {
  expect(checkRelease([`raise RuntimeError("broken release")`])).toMatchObject({ status: 1, error: expect.stringContaining("RuntimeError: broken release") });
  expect(checkRelease([], { words: checks("config.wsgi", "gevent") })).toEqual({
    lines: [],
    error: expect.stringMatching(/^release: gunicorn has no worker class gevent: .*gevent.*; add what it needs to the packages of the image$/),
    status: 1,
  });
}); // prettier-ignore

test("a check that fails says so, and lets the release go on", () => {
  expect(checkRelease([`CACHES = {"default": None}`])).toEqual({
    lines: [expect.stringMatching(/^release: warning: the settings can't be compared with the stack's \(sessions\): /)],
    error: "",
    status: 0,
  });
});
