import { afterAll, beforeAll, expect, test } from "vitest";
import { Backups, query, run } from "../../support/backups.ts";
import { docker, Site } from "../../support/site.ts";
import { loadDuring } from "../../support/site-load.ts";
import type { MakeStack } from "../../support/stack-driver.ts";

/** An extension that only a superuser may make, and that its server must load. */
const extended = { settings: { shared_preload_libraries: "pg_stat_statements" }, extensions: ["pg_stat_statements"] };

/**
 * The major version that Postgres' own tools take over to 18 with this machine's images, empty where there is none; and the one that they refuse,
 * for its image is a later release than that of 18, empty where they refuse none.
 */
const { DJANGO_STACK_TEST_OLDER_POSTGRES: source = "17", DJANGO_STACK_TEST_REFUSED_POSTGRES: refused = "" } = process.env;
const taken = source !== "";
const older = source || "17";

/** What another major version of Postgres has to do: real containers, whoever runs the program. */
export function upgradeBehaviour(name: string, makeStack: MakeStack): void {
  const site = new Site(name, makeStack, { config: { postgres: { version: older, ...extended } } });
  const backups = new Backups(site);
  const { sql, major, addMovie, up } = database(site);
  const volumes = () => docker("volume", "ls", "--quiet", "--filter", `name=${site.prefix}-postgres-1`).trim().split("\n").sort();

  beforeAll(() => site.start());
  afterAll(() => site.stop());

  test("the older version runs, and its backups are made with its own programs", async () => {
    addMovie("Alien");
    sql("CREATE ROLE reporting NOLOGIN; GRANT SELECT ON movies_movie TO reporting; CREATE SEQUENCE counted START 41; SELECT nextval('counted')");
    await backups.first();
    expect([major(), volumes()]).toEqual([older, [`${site.prefix}-postgres-${older}-data`]]);
    expect(docker("exec", backups.container, "pg_dump", "--version")).toContain(` ${older}.`);
  });

  test("the server's settings follow from its memory, and the app's roles have timeouts", () => {
    expect(sql("SHOW shared_buffers; SHOW effective_cache_size; SHOW max_connections").split("\n")).toEqual(["256MB", "768MB", "200"]);
    const roles = sql(
      "SELECT rolname, array_to_string(setconfig, ' ') FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole ORDER BY 1",
    ).split("\n");
    const timeouts = "role=django statement_timeout=20s lock_timeout=20s idle_in_transaction_session_timeout=40s";
    expect(roles).toEqual([`django_even|${timeouts}`, `django_odd|${timeouts}`]);
    const asked = docker(
      "exec",
      site.containersOf("django")[0],
      "sh",
      "-c",
      `sh /run/stack/current/entry.sh run python manage.py shell --verbosity 0 --command "
from django.db import connection
cursor = connection.cursor()
cursor.execute('SHOW statement_timeout')
print(cursor.fetchone()[0])"`,
    );
    expect(asked.trim()).toBe("20s");
  });

  test("version 18 without the word is refused before anything is touched", async () => {
    const running = () => docker("ps", "--no-trunc", "--quiet", "--filter", `name=^${site.prefix}-`);
    const before = running();
    await expect(up({ version: "18" })).rejects.toThrow(
      `postgres.version: got 18, and this stack's data is that of version ${older}; the site would start with an empty database; fix: set postgres.version to ${older}, or postgres.upgradeFrom to ${older} to take its data over`,
    );
    expect(running()).toBe(before);
    expect(volumes()).toEqual([`${site.prefix}-postgres-${older}-data`]);
  });

  test.runIf(taken)("an upgrade that fails leaves the older version serving, and writable", async () => {
    // What can be dumped and not restored: a check that finds its table by the search path.
    sql("CREATE TABLE allowed (x int); INSERT INTO allowed VALUES (1)");
    sql("CREATE FUNCTION is_allowed(int) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM allowed WHERE x = $1)'");
    sql("CREATE TABLE picky (x int CHECK (is_allowed(x))); INSERT INTO picky VALUES (1)");
    const message = await up({ version: "18", upgradeFrom: older }).then(
      () => "it went through",
      (error: Error) => error.message,
    );
    expect(message).toContain('ERROR:  relation "allowed" does not exist');
    expect(message).toContain(`upgrade: version ${older} goes on as before`);
    expect(major()).toBe(older);
    sql("DROP TABLE picky; DROP FUNCTION is_allowed; DROP TABLE allowed");
    addMovie("written after the failure");
    expect((await site.anonymous().request("/api/movies/?search=failure")).text).toContain("written after the failure");
    expect(sql("SELECT count(*) FROM pg_db_role_setting WHERE array_to_string(setconfig, ',') LIKE '%read_only%'")).toBe("0");
  });

  test.runIf(taken)(
    "with the word the data is taken over: equal rows, roles and sequences; readers are served meanwhile; the old volume stays",
    async () => {
      const { requests, missing, doubled } = await loadDuring(site, 20, () => up({ version: "18", upgradeFrom: older }));
      expect(major()).toBe("18");
      expect(sql("SELECT count(*) FROM movies_movie WHERE title IN ('Alien', 'written after the failure')")).toBe("2");
      expect(sql("SELECT has_table_privilege('reporting', 'movies_movie', 'SELECT'), nextval('counted')")).toBe("t|42");
      expect(volumes()).toEqual([`${site.prefix}-postgres-${older}-data`, `${site.prefix}-postgres-18-data`]);
      // Each POST that was answered is looked up in the new version's rows.
      expect([missing, doubled]).toEqual([[], []]);
      const failed = requests.filter(({ failure }) => failure !== undefined);
      const failedReads = failed.filter(({ method }) => method === "GET");
      console.log(`upgrade under load: ${requests.length} requests, ${failed.length} failed, of them reads ${failedReads.length}`);
      expect(failedReads.length).toBeLessThan(failed.length);
      expect(sql("SHOW data_checksums")).toBe("on");
    },
  );

  test.runIf(taken)("a second up changes nothing", async () => {
    const { operations } = await site.stack.up();
    expect(operations).toEqual([]);
  });

  test.runIf(taken)("a backup of the new version is made and proven", async () => {
    await backups.make();
    expect(docker("exec", backups.container, "pg_dump", "--version")).toContain(" 18.");
  });

  test.runIf(taken)("the older version's data can't be started any more", async () => {
    const files = docker("inspect", "--format", '{{range .Mounts}}{{if eq .Destination "/run/stack"}}{{.Name}}{{end}}{{end}}', site.containersOf("postgres")[0]).trim(); // prettier-ignore
    const ended = await run("run", "--rm", "--user", "999:999", "--env", "POSTGRES_DATA=/var/lib/postgresql/data", "--volume", `${site.prefix}-postgres-${older}-data:/var/lib/postgresql/data`,
    "--volume", `${files}:/run/stack:ro`, "--entrypoint", "/bin/bash", `postgres:${older}`, "/run/stack/initial/start.sh", "postgres"); // prettier-ignore
    expect([ended.code, ended.output]).toEqual([1, expect.stringContaining("this data was left for version 18 and may be out of date")]);
    const wrong = await run("run", "--rm", "--user", "999:999", "--env", "PGDATA=/data", "--volume", `${site.prefix}-postgres-${older}-data:/data`, "postgres:18", "postgres"); // prettier-ignore
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining("not compatible with this version")]);
  });

  test.runIf(taken)("going back is refused once rows were written, and 18 goes on", async () => {
    await expect(up({ version: older, upgradeFrom: "18" })).rejects.toThrow(
      new RegExp(
        `rows were written since the upgrade to version 18 \\(.*public\\.movies_movie.*\\): going back to version ${older} would lose them; fix: keep postgres\\.version 18`,
      ),
    );
    expect(major()).toBe("18");
    addMovie("after going back was refused");
  });
}

/** What an upgrade has to do that Postgres' own tools refuse. */
export function refusedUpgradeBehaviour(name: string, makeStack: MakeStack): void {
  const site = new Site(name, makeStack, { config: { postgres: { version: refused, ...extended } } });
  const { sql, major, addMovie, up } = database(site);

  beforeAll(() => (refused === "" ? undefined : site.start()));
  afterAll(() => (refused === "" ? undefined : site.stop()));

  test.runIf(refused !== "")("leaves the older version serving, and names both releases and what to do", async () => {
    addMovie("Alien");
    await expect(up({ version: "18", upgradeFrom: refused })).rejects.toThrow(
      new RegExp(
        `upgrade: version ${refused} goes on as before\\n[^]*Postgres 18\\.\\d+ doesn't take the database of ${refused}\\.\\d+, for the reason above; fix: .*name a later one of 18 in postgres\\.image`,
      ),
    );
    expect([major(), sql("SELECT count(*) FROM movies_movie")]).toEqual([refused, "1"]);
    addMovie("written after the refusal");
    expect((await site.anonymous().request("/api/movies/?search=refusal")).text).toContain("written after the refusal");
  });
}

/** What going back to the major version before has to do. */
export function downgradeBehaviour(name: string, makeStack: MakeStack): void {
  const site = new Site(name, makeStack, { config: { postgres: { version: older, ...extended } } });
  const { sql, major, addMovie, up } = database(site);

  beforeAll(() => site.start());
  afterAll(() => site.stop());

  test.runIf(taken)("works as long as nothing was written, and forward again, and through a destroy", async () => {
    addMovie("Alien");
    await up({ version: "18", upgradeFrom: older });
    expect(major()).toBe("18");
    await up({ version: older, upgradeFrom: "18" });
    expect([major(), sql("SELECT title FROM movies_movie")]).toEqual([older, "Alien"]);
    addMovie("written to the older one again");
    await up({ version: "18", upgradeFrom: older });
    expect([major(), sql("SELECT count(*) FROM movies_movie")]).toEqual(["18", "2"]);
    await site.stack.destroy();
    await up({ version: "18", upgradeFrom: older });
    expect([major(), sql("SELECT count(*) FROM movies_movie")]).toEqual(["18", "2"]);
  });
}

/** A site's database, and the `up` that changes its settings. */
function database(site: Site) {
  const sql = (text: string) => query(site, text);
  return {
    sql,
    major: () => sql("SHOW server_version_num").slice(0, 2),
    addMovie: (title: string) =>
      sql(`INSERT INTO movies_movie (title, year, description, poster, created_at) VALUES ('${title}', 1979, '', '', now())`),
    up: async (settings: Record<string, string>) => {
      site.stack.config = { ...site.stack.config, postgres: { ...extended, ...settings } };
      return site.up();
    },
  };
}
