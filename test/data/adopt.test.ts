import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runRestore, withIncoming } from "../../scripts/backup/restore-job.mjs";
import { Backups, databaseContent, mediaContent, query, run } from "../support/backups.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { docker, Site } from "../support/site.ts";

const site = new Site("dsadopt", (name, config) => new ContainerStack(name, config), { config: { secrets: { secretKeyFallbacks: ["old"] } } });
const backups = new Backups(site);
const engine = { command: "docker", arguments: [] };
const owner = { name: "dsadopt", stack: "prod" };
const old = "dsadopt-old";
const folder = mkdtempSync(join(tmpdir(), "django-stack-adopt-"));
const sql = (text: string) => query(site, text);

beforeAll(() => site.start());
afterAll(async () => {
  await run("rm", "--force", "--volumes", `${old}-db`);
  for (const volume of ["db", "media"]) await run("volume", "rm", `${old}-${volume}`);
  await run("network", "rm", old);
  await site.stop();
  rmSync(folder, { recursive: true });
});

/** Prints the session of somebody who is logged in. */
const logIn = `
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
user = get_user_model().objects.create_superuser("chief", "chief@example.com", "secret")
session = SessionStore()
session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend", HASH_SESSION_KEY: user.get_session_auth_hash()})
session.create()
print(session.session_key)`;

describe("a compose project's data comes in", () => {
  let session: string;
  const inOld = (text: string) =>
    docker("exec", `${old}-db`, "psql", "--username=app", "--dbname=app", "--no-align", "--tuples-only", "--command", text).trim();

  beforeAll(async () => {
    // What the guides have: an older Postgres, a role and a database of another name, the site's files on a volume.
    docker("network", "create", old);
    docker("run", "--detach", "--name", `${old}-db`, "--network", old, "--env", "POSTGRES_USER=app", "--env", "POSTGRES_PASSWORD=app", "--env", "POSTGRES_DB=app",
      "--volume", `${old}-db:/var/lib/postgresql/data`, "postgres:17"); // prettier-ignore
    for (let second = 0; second < 60 && (await run("exec", `${old}-db`, "pg_isready", "--host=127.0.0.1", "--username=app")).code !== 0; second++)
      await sleep(1000);
    const variables = {
      DATABASE_HOST: `${old}-db`,
      DATABASE_PORT: "5432",
      DATABASE_NAME: "app",
      DATABASE_USER: "app",
      DATABASE_PASSWORD: "app",
      SECRET_KEY: "old",
      ALLOWED_HOSTS: "*",
      DEBUG: "false",
    };
    const manage = (...words: string[]) =>
      docker("run", "--rm", "--network", old, ...Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]), `${site.prefix}-django:current`, "python", "manage.py", ...words); // prettier-ignore
    manage("migrate", "--verbosity", "0");
    session = manage("shell", "--verbosity", "0", "--command", logIn).trim();
    inOld(
      "INSERT INTO movies_movie (title, year, description, poster, created_at) SELECT 'Alien ' || number, 1979, '', 'posters/alien.jpg', now() FROM generate_series(1, 300) AS number",
    );
    // One that its owner may make, in a schema of its own, and one that only a superuser may.
    inOld(
      `CREATE SCHEMA tools; CREATE EXTENSION citext SCHEMA tools; CREATE EXTENSION pg_stat_statements; COMMENT ON EXTENSION citext IS 'names';
       CREATE TABLE tags (name tools.citext PRIMARY KEY); INSERT INTO tags VALUES ('Noir')`,
    );
    docker(
      "run",
      "--rm",
      "--volume",
      `${old}-media:/media`,
      "--entrypoint",
      "sh",
      "nginx:1.30",
      "-c",
      "mkdir /media/posters && echo alien > /media/posters/alien.jpg",
    );
  });

  test("by a dump and its media volume; what was there stays as it is", async () => {
    writeFileSync(join(folder, "site.dump"), docker("exec", `${old}-db`, "sh", "-c", "pg_dump --username=app --format=custom app | base64"), "utf8");
    const dump = join(folder, "binary.dump");
    writeFileSync(
      dump,
      Buffer.from(docker("exec", `${old}-db`, "sh", "-c", "pg_dump --username=app --format=custom app | base64 --wrap=0"), "base64"),
    );
    const code = await withIncoming(engine, owner, { dump }, (volumes: object) =>
      runRestore(engine, owner, { incoming: { ...volumes, "/incoming-media": `${old}-media` }, words: ["dump"] }),
    );
    expect(code).toBe(0);
    expect(sql("SELECT count(*), count(DISTINCT tableowner) FROM movies_movie, pg_tables WHERE tablename = 'movies_movie'")).toBe("300|1");
    expect(sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")).toBe("django");
    expect(
      sql("SELECT nspname, nspowner::regrole, (SELECT name FROM tags WHERE name OPERATOR(tools.=) 'nOIR') FROM pg_namespace WHERE nspname = 'tools'"),
    ).toBe("tools|django|Noir");
    expect(sql("SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension")).toBe("citext pg_stat_statements plpgsql");
    const visitor = site.anonymous();
    expect((await visitor.request("/api/movies/?search=Alien%20300")).text).toContain("Alien 300");
    // Who was logged in there is so here, by the old project's key.
    expect((await visitor.request("/admin/", { headers: { Cookie: `sessionid=${session}` } })).text).toContain("chief");
    expect((await visitor.request("/media/posters/alien.jpg")).text).toBe("alien\n");
    expect(inOld("SELECT count(*) FROM movies_movie")).toBe("300");
    expect(docker("run", "--rm", "--volume", `${old}-media:/media:ro`, "--entrypoint", "find", "nginx:1.30", "/media", "-type", "f").trim()).toBe(
      "/media/posters/alien.jpg",
    );
    expect(docker("volume", "ls", "--quiet", "--filter", "name=dsadopt-prod-incoming").trim()).toBe("");
    expect((await backups.restore("discard")).code).toBe(0);
  });

  test("a file that isn't a dump is refused before anything is touched", async () => {
    const before = { database: databaseContent(site), media: mediaContent(site) };
    const dump = join(folder, "no.dump");
    writeFileSync(dump, "PGDMP and nothing else");
    expect(await withIncoming(engine, owner, { dump }, (incoming: object) => runRestore(engine, owner, { incoming, words: ["dump"] }))).toBe(1);
    expect({ database: databaseContent(site), media: mediaContent(site) }).toEqual(before);
  });
});

test("three times destroyed and up again, with passwords and keys rotated: the same rows, files and backups", async () => {
  await site.stack.destroy();
  // What came in had no administrator: this makes one.
  await site.up();
  await backups.make();
  const saved = { database: databaseContent(site), media: mediaContent(site) };
  for (const version of ["2", "3", "4"]) {
    await site.stack.destroy();
    expect(docker("ps", "--all", "--quiet", "--filter", "label=django-stack.name=dsadopt").trim()).toBe("");
    site.stack.config = { ...site.stack.config, secrets: { databasePasswordVersion: version, secretKeyVersion: version } };
    await site.up();
    expect({ database: databaseContent(site), media: mediaContent(site) }).toEqual(saved);
    expect((await site.anonymous().request("/api/movies/?search=Alien%20300")).status).toBe(200);
    await backups.make();
  }
  expect((await backups.list()).filter(({ proven }) => proven).length).toBeGreaterThanOrEqual(4);
});

test(".state lost: up finds its own volumes again by name; the old passphrase opens the backups", async () => {
  const saved = { database: databaseContent(site), media: mediaContent(site) };
  const passphrase = site.outputs.backupPassphrase;
  const volumes = docker("volume", "ls", "--quiet", "--filter", "name=dsadopt-prod-").trim();
  // What `npm run up` removes first, for its state knows nothing of them.
  for (const container of docker("ps", "--all", "--quiet", "--filter", "label=django-stack.name=dsadopt").trim().split("\n"))
    docker("rm", "--force", container);
  for (const network of docker("network", "ls", "--quiet", "--filter", "label=django-stack.name=dsadopt").trim().split("\n"))
    docker("network", "rm", network);
  const anew = new ContainerStack("prod", site.stack.config);
  site.outputs = (await anew.up()).outputs;
  expect(site.outputs.backupPassphrase).not.toBe(passphrase);
  expect({ database: databaseContent(site), media: mediaContent(site) }).toEqual(saved);
  expect((await site.anonymous().request("/api/movies/?search=Alien%20300")).text).toContain("Alien 300");
  expect((await backups.ask("now")).output).toContain("were made with another passphrase; fix: set backup.passphrase to that one");
  anew.config = { ...anew.config, backup: { passphrase } };
  site.outputs = (await anew.up()).outputs;
  await backups.make();
  expect(docker("volume", "ls", "--quiet", "--filter", "name=dsadopt-prod-").trim()).toBe(volumes);
});

test("another stack's backup: staging from prod", async () => {
  const saved = { database: databaseContent(site), media: mediaContent(site) };
  const staging = new Site(
    "dsadopts",
    (name, config) => new ContainerStack(name, { ...config, httpPort: "18082", httpsPort: "18445", domain: "staging.localhost", aliases: [] }),
  );
  try {
    await staging.start();
    const ended = await run(...new Backups(staging).restoreArguments(["latest"], { from: site }));
    expect([ended.code, ended.output]).toEqual([0, expect.stringContaining("restore: done")]);
    expect({ database: databaseContent(staging), media: mediaContent(staging) }).toEqual(saved);
    expect((await staging.anonymous().request("/api/movies/?search=Alien%20300")).text).toContain("Alien 300");
    expect({ database: databaseContent(site), media: mediaContent(site) }).toEqual(saved);
  } finally {
    await staging.stop();
  }
});
