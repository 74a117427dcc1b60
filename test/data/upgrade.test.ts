import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Backups, query, run } from "../support/backups.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { docker, Site } from "../support/site.ts";
import { loadDuring } from "../support/site-load.ts";

let driver: ContainerStack;
const site = new Site("dsupgrade", (name, config) => (driver = new ContainerStack(name, config)), { config: { postgres: { version: "17" } } });
const backups = new Backups(site);
const sql = (text: string) => query(site, text);
const major = () => sql("SHOW server_version_num").slice(0, 2);
const addMovie = (title: string) =>
  sql(`INSERT INTO movies_movie (title, year, description, poster, created_at) VALUES ('${title}', 1979, '', '', now())`);
const volumes = () => docker("volume", "ls", "--quiet", "--filter", `name=${site.prefix}-postgres-1`).trim().split("\n").sort();
const up = async (settings: Record<string, string>) => {
  site.stack.config = { ...site.stack.config, postgres: settings };
  return site.up();
};

beforeAll(() => site.start());
afterAll(() => site.stop());

test("version 17 runs, and its backups are made with its own programs", async () => {
  addMovie("Alien");
  sql("CREATE ROLE reporting NOLOGIN; GRANT SELECT ON movies_movie TO reporting; CREATE SEQUENCE counted START 41; SELECT nextval('counted')");
  await backups.first();
  expect([major(), volumes()]).toEqual(["17", [`${site.prefix}-postgres-17-data`]]);
  expect(docker("exec", backups.container, "pg_dump", "--version")).toContain(" 17.");
});

test("version 18 without the word is refused before anything is touched", async () => {
  const before = docker("ps", "--no-trunc", "--quiet");
  await expect(up({ version: "18" })).rejects.toThrow(
    "postgres.version: got 18, and this stack's data is that of version 17; the site would start with an empty database; fix: set postgres.version to 17, or postgres.upgradeFrom to 17 to take its data over",
  );
  expect(docker("ps", "--no-trunc", "--quiet")).toBe(before);
  expect(volumes()).toEqual([`${site.prefix}-postgres-17-data`]);
});

test("an upgrade that fails leaves version 17 serving, and writable", async () => {
  driver.adjust = (inputs) =>
    inputs.envs?.includes("TO=18")
      ? { ...inputs, envs: inputs.envs.map((line: string) => line.replace("=--data-checksums", "=--no-such-option")) }
      : inputs;
  await expect(up({ version: "18", upgradeFrom: "17" })).rejects.toThrow(/upgrade: version 17 goes on as before/);
  driver.adjust = (inputs) => inputs;
  expect(major()).toBe("17");
  addMovie("written after the failure");
  const visitor = site.anonymous();
  expect((await visitor.request("/api/movies/?search=failure")).text).toContain("written after the failure");
  expect(sql("SELECT count(*) FROM pg_db_role_setting WHERE array_to_string(setconfig, ',') LIKE '%read_only%'")).toBe("0");
});

test("with the word the data is taken over: equal rows, roles and sequences; readers are served meanwhile; the old volume stays", async () => {
  const { requests, missing, doubled } = await loadDuring(site, 20, () => up({ version: "18", upgradeFrom: "17" }));
  expect(major()).toBe("18");
  expect(sql("SELECT count(*) FROM movies_movie WHERE title IN ('Alien', 'written after the failure')")).toBe("2");
  expect(sql("SELECT has_table_privilege('reporting', 'movies_movie', 'SELECT'), nextval('counted')")).toBe("t|42");
  expect(volumes()).toEqual([`${site.prefix}-postgres-17-data`, `${site.prefix}-postgres-18-data`]);
  // Each POST that was answered is looked up in the new version's rows.
  expect([missing, doubled]).toEqual([[], []]);
  const failed = requests.filter(({ failure }) => failure !== undefined);
  const failedReads = failed.filter(({ method }) => method === "GET");
  console.log(`upgrade under load: ${requests.length} requests, ${failed.length} failed, of them reads ${failedReads.length}`);
  expect(failedReads.length).toBeLessThan(failed.length);
  expect(sql("SHOW data_checksums")).toBe("on");
});

test("a second up changes nothing", async () => {
  const { operations } = await site.stack.up();
  expect(operations).toEqual([]);
});

test("a backup of the new version is made and proven", async () => {
  await backups.make();
  expect(docker("exec", backups.container, "pg_dump", "--version")).toContain(" 18.");
});

test("the data of 17 can't be started any more", async () => {
  const ended = await run("run", "--rm", "--user", "999:999", "--env", "POSTGRES_DATA=/var/lib/postgresql/data", "--volume", `${site.prefix}-postgres-17-data:/var/lib/postgresql/data`,
    "--volume", `${site.prefix}-postgres-files:/run/stack:ro`, "--entrypoint", "/bin/bash", "postgres:17", "/run/stack/initial/start.sh", "postgres"); // prettier-ignore
  expect([ended.code, ended.output]).toEqual([1, expect.stringContaining("this data was left for version 18 and may be out of date")]);
  const wrong = await run("run", "--rm", "--user", "999:999", "--env", "PGDATA=/data", "--volume", `${site.prefix}-postgres-17-data:/data`, "postgres:18", "postgres"); // prettier-ignore
  expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining("not compatible with this version")]);
});

describe("going back", () => {
  test("is refused once rows were written, and 18 goes on", async () => {
    await expect(up({ version: "17", upgradeFrom: "18" })).rejects.toThrow(
      /rows were written since the upgrade to version 18 \(.*public\.movies_movie.*\): going back to version 17 would lose them; fix: keep postgres\.version 18/,
    );
    expect(major()).toBe("18");
    addMovie("after going back was refused");
  });

  test("works as long as nothing was written, and forward again", async () => {
    // Once more from the beginning, for there were writes.
    await site.stack.sweep();
    site.stack.config = { ...site.stack.config, postgres: { version: "17" } };
    driver = new ContainerStack("prod", site.stack.config);
    const fresh = { up: (settings: Record<string, string>) => ((driver.config = { ...driver.config, postgres: settings }), driver.up()) };
    await fresh.up({ version: "17" });
    addMovie("Alien");
    await fresh.up({ version: "18", upgradeFrom: "17" });
    expect(major()).toBe("18");
    await fresh.up({ version: "17", upgradeFrom: "18" });
    expect([major(), sql("SELECT title FROM movies_movie")]).toEqual(["17", "Alien"]);
    addMovie("written to 17 again");
    await fresh.up({ version: "18", upgradeFrom: "17" });
    expect([major(), sql("SELECT count(*) FROM movies_movie")]).toEqual(["18", "2"]);
    await driver.destroy();
    await fresh.up({ version: "18", upgradeFrom: "17" });
    expect([major(), sql("SELECT count(*) FROM movies_movie")]).toEqual(["18", "2"]);
    await driver.sweep();
  });
});
