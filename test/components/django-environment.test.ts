import { expect, test } from "vitest";
import { djangoSecrets, renderDjangoEnvironment, secretFilesId } from "../../components/django-environment.ts";

const args = {
  allowedHosts: ["a.example", "b.example"], origins: ["https://a.example"], debug: false, https: true, staticRoot: "/srv/static", drainSeconds: 8, server: "gunicorn", workerClass: "gthread",
  databaseHost: "postgres", databasePort: 5432, databaseName: "django", databaseUser: "django_odd", env: { Z_LAST: "1", A_FIRST: "2" },
  secretNames: ["SECRET_KEY", "MAIL_PASSWORD"], secretsFolder: "/run/stack/abc",
} as const; // prettier-ignore

test("the environment, sorted, with paths in place of secrets", () => {
  expect(renderDjangoEnvironment(args)).toEqual([
    "ALLOWED_HOSTS=a.example,b.example", "A_FIRST=2", "CONN_MAX_AGE=60", "CSRF_TRUSTED_ORIGINS=https://a.example", "DATABASE_HOST=postgres", "DATABASE_NAME=django",
    "DATABASE_PORT=5432", "DATABASE_USER=django_odd", "DEBUG=false", "DRAIN_SECONDS=8", "HOME=/tmp", "HTTPS=true",
    "MAIL_PASSWORD_FILE=/run/stack/abc/MAIL_PASSWORD", "MEDIA_ROOT=/vol/web/media", "SECRET_KEY_FILE=/run/stack/abc/SECRET_KEY",
    "STATIC_ROOT=/srv/static", "TMPDIR=/vol/temporary", "Z_LAST=1",
  ]); // prettier-ignore
});

test.each([
  ["gunicorn", "sync", 60],
  ["gunicorn", "gthread", 60],
  ["gunicorn", "gevent", 0],
  ["gunicorn", "uvicorn", 0],
  ["runserver", "gthread", 0],
] as const)("under %s with %s a thread keeps its connection for %d seconds, unless the user says otherwise", (server, workerClass, seconds) => {
  expect(renderDjangoEnvironment({ ...args, server, workerClass })).toContain(`CONN_MAX_AGE=${seconds}`);
  expect(renderDjangoEnvironment({ ...args, server, workerClass, env: { CONN_MAX_AGE: "5" } })).toContain("CONN_MAX_AGE=5");
});

test("the order of the user's keys makes no difference", () => {
  expect(renderDjangoEnvironment({ ...args, env: { A_FIRST: "2", Z_LAST: "1" } })).toEqual(renderDjangoEnvironment(args));
});

test("the secrets by name", () => {
  const secrets = {
    secretKey: "k2",
    secretKeyFallbacks: ["k1", "k3"],
    databasePassword: "p",
    databaseHost: "postgres",
    databasePort: 5432,
    databaseName: "django",
    databaseUser: "django_odd",
    secretEnv: { MAIL_PASSWORD: "m" },
  };
  const expected = {
    MAIL_PASSWORD: "m",
    DATABASE_PASSWORD: "p",
    DATABASE_URL: "postgres://django_odd:p@postgres:5432/django",
    SECRET_KEY: "k2",
    SECRET_KEY_FALLBACKS: "k1,k3",
  };
  expect(djangoSecrets({ ...secrets, superuserPassword: undefined })).toEqual(expected);
  expect(djangoSecrets({ ...secrets, superuserPassword: "s" })).toEqual({ ...expected, DJANGO_SUPERUSER_PASSWORD: "s" });
});

test("the id of the secrets changes with each, not with their order, and can't be guessed without the key", () => {
  const id = secretFilesId("key", { a: "1", b: "2" });
  expect(id).toMatch(/^[0-9a-f]{12}$/);
  expect(secretFilesId("key", { b: "2", a: "1" })).toBe(id);
  expect(secretFilesId("key", { a: "1", b: "3" })).not.toBe(id);
  expect(secretFilesId("other", { a: "1", b: "2" })).not.toBe(id);
});
