import { expect, test } from "vitest";
import { errorOf, load } from "./support/load-config.ts";

const error = async (backup: Record<string, unknown>) => (await errorOf("prod", { backup })).split("\n  ").slice(1);

test("a target that is none", async () => {
  const allowed = "volume, an absolute path, sftp:user@host:/path, sftp://user@host:port//path, or s3:https://host/bucket/path";
  for (const target of ["backups", "/mnt/../etc", "ftp://host", "s3:bucket", "sftp:host:/path", "/mnt/a b"]) {
    expect(await error({ target })).toEqual([`backup.target: got ${JSON.stringify(target)}; allowed: ${allowed}`]);
  }
});

test("times", async () => {
  expect(await error({ schedule: ["24:00"] })).toEqual(['backup.schedule: got ["24:00"]; allowed: a time from 00:00 to 23:59, or a list of them']);
  expect(await error({ schedule: [] })).toEqual(["backup.schedule: got []; allowed: a time from 00:00 to 23:59, or a list of them"]);
  expect((await load("prod", { backup: { schedule: "03:15" } })).backup?.schedule).toEqual(["03:15"]);
});

test("sftp without a key or the host's keys", async () => {
  const fix = "make a key with ssh-keygen, list the host's with ssh-keyscan";
  expect(await error({ target: "sftp:keeper@host:/backups" })).toEqual([
    `backup.sshKey: got "none"; allowed: a value with a target by sftp; fix: ${fix}`,
    `backup.sshHostKeys: got "none"; allowed: a value with a target by sftp; fix: ${fix}`,
  ]);
});

test("a key that can't be read, and one without a use", async () => {
  expect(await error({ target: "sftp:keeper@host:/backups", sshKey: "./no-key", sshHostKeys: "./package.json" })).toEqual([
    'backup.sshKey: got "./no-key"; allowed: a file that can be read; it isn\'t there; fix: correct the path: it begins at the checkout',
  ]);
  expect(await error({ sshKey: "./package.json" })).toEqual([
    'backup.sshKey: got "a value"; allowed: none with backup.target volume; fix: remove it, or set backup.target to sftp:user@host:/path',
  ]);
});

test("S3 without credentials", async () => {
  expect(await error({ target: "s3:https://host/bucket", credentials: { AWS_ACCESS_KEY_ID: "id" } })).toEqual([
    "backup.credentials: got \"no AWS_SECRET_ACCESS_KEY\"; allowed: both with a target in S3; fix: pulumi config set --secret --path 'django-stack:backup.credentials.AWS_SECRET_ACCESS_KEY'",
  ]);
});

test("secrets are shown by no error", async () => {
  const message = await errorOf("prod", { backup: { passphrase: "short secret\n", credentials: { "a b": "hidden" }, sshKey: "" } });
  expect(message).toContain('backup.passphrase: got "[secret]"');
  expect(message).toContain('backup.credentials: got "[secret]"');
  expect(message).not.toMatch(/short secret|hidden/);
});

test("more connections than the server takes", async () => {
  const message = await errorOf("prod", { app: { replicas: 8, workers: 4, threads: 4 } });
  expect(message).toContain(
    "postgres.maxConnections: got 200; allowed: 266 or more: twice app.replicas x app.workers x app.threads, old and new replicas side by side, the connections of background processes, and 10 for jobs; fix: raise it, or lower one of those",
  );
  expect(await errorOf("prod", { app: { replicas: 8, workers: 4, threads: 4 }, postgres: { maxConnections: 266 } })).toBe("no error");
  // Old and new ones of the first, one at a time of the second: 58 with the app's.
  const background = { tasks: { command: ["work"], replicas: 2, connections: 35 }, clock: { command: ["tick"], alone: true, connections: 5 } };
  expect(await errorOf("prod", { background })).toContain("postgres.maxConnections: got 200; allowed: 203 or more");
  expect(await errorOf("prod", { app: { replicas: 8, workers: 4, threads: 4, workerClass: "sync" } })).toBe("no error");
});

test("an upgrade from the same version", async () => {
  expect(await errorOf("prod", { postgres: { version: 18, upgradeFrom: 18 } })).toContain(
    "postgres.upgradeFrom: got 18; allowed: another version than postgres.version, or none; fix: remove it",
  );
});
