import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Backups, Checkout, databaseContent, mediaContent, query, run } from "../../support/backups.ts";
import { docker, Site } from "../../support/site.ts";
import { loadDuring } from "../../support/site-load.ts";
import type { MakeStack } from "../../support/stack-driver.ts";

/** What a restore has to do, and what no failure of it may: real containers, whoever runs the program. */
export function restoreBehaviour(name: string, makeStack: MakeStack): void {
  // An extension that only a superuser may make, and that its server must load.
  const postgres = { settings: { shared_preload_libraries: "pg_stat_statements" }, extensions: ["pg_stat_statements"] };
  const site = new Site(name, makeStack, { config: { postgres } });
  const backups = new Backups(site);
  const inApp = (command: string) => docker("exec", site.containersOf("django")[0], "sh", "-c", command);
  const sql = (text: string) => query(site, text);
  const content = () => ({ database: databaseContent(site), media: mediaContent(site) });
  let saved: ReturnType<typeof content>;
  let id: string;

  /** Changes rows and files in every way: new, changed and gone ones. */
  function change(): void {
    sql(
      "DELETE FROM movies_movie WHERE title = 'Alien 1'; UPDATE movies_movie SET title = 'changed' WHERE title = 'Alien 2'; INSERT INTO movies_movie (title, year, description, poster, created_at) VALUES ('after', 2026, '', '', now())",
    );
    inApp("cd /vol/web/media/posters && rm 'a b.jpg' && echo changed > kept.jpg && echo new > new.jpg");
  }

  beforeAll(async () => {
    await site.start();
    sql(
      "INSERT INTO movies_movie (title, year, description, poster, created_at) SELECT 'Alien ' || number, 1979, '', 'posters/kept.jpg', now() FROM generate_series(1, 2000) AS number",
    );
    inApp(
      "mkdir -p /vol/web/media/posters && cd /vol/web/media/posters && echo one > 'a b.jpg' && echo two > kept.jpg && head -c 3000000 /dev/urandom > large.jpg",
    );
    await backups.first();
    id = await backups.make();
    saved = content();
  });
  afterAll(() => site.stop());

  test("a backup takes the place of what is live, equal to the row and the byte, and the site works", async () => {
    change();
    expect(content()).not.toEqual(saved);
    const began = Date.now();
    const { code, output } = await backups.restore("latest");
    console.log(`restored in ${((Date.now() - began) / 1000).toFixed(1)} s`);
    expect([code, output]).toEqual([0, expect.stringContaining("restore: done; the database before is kept as django_replaced_")]);
    expect(content()).toEqual(saved);
    // What it keeps beside the files is in no backup's way.
    await backups.make();
    const visitor = site.anonymous();
    expect(JSON.parse((await visitor.request("/api/movies/?search=Alien%202000")).text).results).toHaveLength(1);
    expect((await visitor.request("/media/posters/a%20b.jpg")).text).toBe("one\n");
    expect(inApp("stat -c %u:%g:%a '/vol/web/media/posters/a b.jpg'").trim()).toBe("10001:10001:644");
    inApp("touch /vol/web/media/posters/writable && rm /vol/web/media/posters/writable");
  });

  test("what was live before is kept, hidden from visitors, until it is discarded", async () => {
    const { output } = await backups.restore("replaced");
    const [database, media] = output.trim().split("\n");
    expect(database).toMatch(/^django_replaced_\d{8}_\d{6}$/);
    const old = docker("exec", "--user", "postgres", site.containersOf("postgres")[0], "psql", `--dbname=${database}`, "--no-align", "--tuples-only", "--command", "SELECT count(*) FROM movies_movie WHERE title IN ('after', 'changed')"); // prettier-ignore
    expect(old.trim()).toBe("2");
    const aside = media.replace("media/", "");
    expect(inApp(`cd /vol/web/media && ls -A`).trim().split("\n").sort()).toEqual([aside, "posters"].sort());
    expect((await site.anonymous().request(`/media/${aside}/posters/new.jpg`)).status).toBe(404);
    expect((await backups.restore("discard")).code).toBe(0);
    expect(await backups.restore("replaced")).toEqual({ code: 0, output: "" });
    expect(inApp("ls -A /vol/web/media").trim()).toBe("posters");
  });

  test("the command restores, lets the app migrate what is older than itself, and discards", async () => {
    const checkout = new Checkout(site);
    try {
      change();
      const restored = await checkout.run("restore", "prod", "latest", "--yes");
      expect([restored.code, restored.output]).toEqual([0, expect.stringContaining("restore: done")]);
      expect(content()).toEqual(saved);
      expect((await checkout.run("backup", "prod", "status")).output).toMatch(
        /replaced by restores and still kept: django_replaced_\d{8}_\d{6}, media\/\.replaced-/,
      );
      // As from before the app's last migration.
      query(site, "DELETE FROM django_migrations WHERE app = 'sessions'; DROP TABLE django_session");
      const older = await backups.make();
      query(site, "CREATE TABLE not_in_the_backup (id int)");
      expect((await checkout.run("restore", "prod", older, "--yes")).code).toBe(0);
      expect(query(site, "SELECT to_regclass('django_session') IS NOT NULL, to_regclass('not_in_the_backup') IS NULL")).toBe("t|t");
      const discarded = await checkout.run("restore", "prod", "--discard", "--yes");
      expect(discarded.output.match(/removed database django_replaced_/g)).toHaveLength(2);
      expect((await checkout.run("restore", "prod", id, "--yes")).code).toBe(0);
      expect(content()).toEqual(saved);
      await backups.restore("discard");
      id = await backups.make();
    } finally {
      checkout.dispose();
    }
  });

  test("under load: the databases are exchanged between two requests, and the site goes on", async () => {
    const { requests } = await loadDuring(site, 30, async () => {
      const { code, output } = await backups.restore("latest");
      expect([code, output]).toEqual([0, expect.stringContaining("restore: done")]);
    });
    const failed = requests.filter(({ failure }) => failure !== undefined).length;
    console.log(`restored under load: ${failed} of ${requests.length} requests failed`);
    // What was under way at that moment, and no more.
    expect(failed).toBeLessThan(requests.length / 4);
    expect((await site.anonymous().request("/api/movies/")).status).toBe(200);
    await backups.restore("discard");
    expect((await backups.restore(id)).code).toBe(0);
    await backups.restore("discard");
  });

  describe("a restore that is killed leaves the live rows and files as they were", () => {
    const steps = {
      fetching: "reading backup",
      filling: "restoring the database beside",
      filled: "restored and equal",
      added: "added the media files",
    };
    test.each(Object.entries(steps))("at %s", async (step, says) => {
      change();
      const before = content();
      const files = before.media.split("\n");
      const child = await backups.restoreUntil(step, says);
      docker("kill", `${site.prefix}-backup-restore`);
      await new Promise((resolve) => child.once("close", resolve));
      expect(content().database).toBe(before.database);
      // A file that the backup has and nobody names any more may have come beside them.
      expect(content().media.split("\n")).toEqual(expect.arrayContaining(files));
      expect((await site.anonymous().request("/api/movies/")).status).toBe(200);
      expect((await backups.restore("latest")).code).toBe(0);
      expect(content()).toEqual(saved);
      await backups.restore("discard");
    });

    test("at the switch itself: one or the other, never none; the next one ends it", async () => {
      change();
      const child = await backups.restoreUntil("switched", "switched the databases");
      docker("kill", `${site.prefix}-backup-restore`);
      await new Promise((resolve) => child.once("close", resolve));
      expect(content().database).toBe(saved.database);
      expect((await site.anonymous().request("/api/movies/")).status).toBe(200);
      expect((await backups.restore("latest")).code).toBe(0);
      expect(content()).toEqual(saved);
      await backups.restore("discard");
    });
  });

  describe("what can't be restored is refused before anything is touched", () => {
    const inBackups = (command: string) => docker("exec", backups.container, "bash", "-c", command);

    /** Where the repository keeps the large picture, or a piece of it: no other file has a piece as large. */
    function pictureInRepository(): { pack: string; offset: number } {
      const indexes = inBackups(
        ". /usr/local/lib/backup/repository.sh && open_repository && for index in $(repository list index); do repository cat index $index; echo; done",
      );
      const packs = [...indexes.matchAll(/"packs":\s*(\[.*?\])\s*\}\s*$/gms)].flatMap(([, list]) => JSON.parse(list));
      const [largest] = packs.flatMap(({ id, blobs }) => blobs.map((blob: any) => ({ ...blob, pack: id }))).sort((a, b) => b.length - a.length);
      expect(largest.length).toBeGreaterThan(500_000);
      return { pack: `/backups/repository/data/${largest.pack.slice(0, 2)}/${largest.pack}`, offset: largest.offset };
    }

    test.each([
      [
        "a flipped byte",
        ({ pack, offset }: ReturnType<typeof pictureInRepository>) =>
          `chmod u+w ${pack} && byte=$(od -An -tu1 -j${offset + 5000} -N1 ${pack}) && printf "\\x$(printf %x $((byte ^ 1)))" | dd of=${pack} bs=1 seek=${offset + 5000} conv=notrunc status=none`,
      ],
      ["a cut file", ({ pack }) => `chmod u+w ${pack} && truncate --size=1000 ${pack}`],
      ["a missing file", ({ pack }) => `rm -f ${pack}`],
    ])("%s", async (_, damage) => {
      change();
      const before = content();
      const place = pictureInRepository();
      inBackups(`cp -p ${place.pack} /backup-work/pack`);
      inBackups(`${damage(place)} && ! cmp -s ${place.pack} /backup-work/pack`);
      inBackups("rm -rf /backup-work/cache");
      const { code, output } = await backups.restore(id);
      expect([code, output]).toEqual([1, expect.stringMatching(/damaged: .*; nothing was touched/)]);
      expect(content()).toEqual(before);
      expect((await backups.ask("verify", id)).code).toBe(1);
      inBackups(`mv -f /backup-work/pack ${place.pack}`);
      expect((await backups.restore(id)).code).toBe(0);
      expect(content()).toEqual(saved);
      await backups.restore("discard");
    });

    test("a wrong key, and an id that isn't there", async () => {
      const before = content();
      const args = backups.restoreArguments([id]).map((word) => (word.startsWith("BACKUP_FILES=") ? "BACKUP_FILES=/tmp" : word));
      const wrong = await run(...args);
      expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining("nothing was touched")]);
      const missing = await backups.restore("ffffffff");
      expect([missing.code, missing.output]).toEqual([1, expect.stringContaining("there is no backup ffffffff; nothing was touched")]);
      expect(content()).toEqual(before);
    });
  });

  test("a backup of format 1, whose tables have a second sum each, is proven and restored like any", async () => {
    const make = `
set -eu
. /usr/local/lib/backup/repository.sh
open_repository
repository restore ${id} --target /backup-work/earlier --include /backup-work/backup > /dev/null
mv /backup-work/earlier/backup-work/backup /backup-work/backup
cd /backup-work/backup
sed -i '$!s/$/|12345678901234567890/' content
sed -i 's/"format":2,/"format":1,/' manifest.json
sha256sum database.dump content roles media.sha256 manifest.json > files.sha256
repository backup --json --host "$BACKUP_HOST" --tag verified --group-by host $PWD /vol/web/media`;
    expect(content()).toEqual(saved);
    const [, earlier] = /"snapshot_id":"([0-9a-f]{8})/.exec(docker("exec", backups.container, "bash", "-c", make)) ?? [];
    docker("exec", backups.container, "bash", "-c", "rm -rf /backup-work/backup /backup-work/earlier");
    expect((await backups.ask("verify", earlier)).output).toContain(`proved ${earlier}`);
    change();
    expect((await backups.restore(earlier)).code).toBe(0);
    expect(content()).toEqual(saved);
    await backups.restore("discard");
  });

  test("a restore while a backup is made waits for it", async () => {
    const making = backups.ask("now");
    await sleep(1500);
    const { code, output } = await backups.restore(id);
    expect([code, output]).toEqual([0, expect.stringContaining("another backup or restore is under way: waiting for it")]);
    expect((await making).code).toBe(0);
    await backups.restore("discard");
  });
}
