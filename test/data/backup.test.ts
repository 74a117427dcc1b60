import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Backups, Checkout, killInside, run } from "../support/backups.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { docker, Site } from "../support/site.ts";
import { loadDuring } from "../support/site-load.ts";

const stack = { current: undefined as ContainerStack | undefined };
const site = new Site("dsbackup", (name, config) => (stack.current = new ContainerStack(name, config)));
const backups = new Backups(site);
const upload = (name: string, bytes: number) =>
  docker(
    "exec",
    site.containersOf("django")[0],
    "sh",
    "-c",
    `mkdir -p /vol/web/media/posters && head -c ${bytes} /dev/urandom > /vol/web/media/posters/${name}`,
  );

beforeAll(() => site.start());
afterAll(() => site.stop());

test("the first backup is made and proven by itself", async () => {
  const id = await backups.first();
  expect(await backups.list()).toEqual([{ id, proven: true }]);
  expect(await backups.ask("health")).toEqual({ code: 0, output: "" });
});

test("nothing secret is in the container's environment, command or labels", async () => {
  const passphrase = site.outputs.backupPassphrase;
  expect(passphrase).toMatch(/^[0-9a-f]{32}$/);
  expect(docker("inspect", backups.container)).not.toContain(passphrase);
  expect(docker("logs", backups.container)).not.toContain(passphrase);
});

test("its container has no network, no root, and can't write to the media files", async () => {
  const [{ HostConfig, Config, Mounts }] = JSON.parse(docker("inspect", backups.container));
  expect([HostConfig.NetworkMode, HostConfig.ReadonlyRootfs, Config.User]).toEqual(["none", true, "999:999"]);
  expect(
    Mounts.filter(({ RW }: any) => !RW)
      .map(({ Destination }: any) => Destination)
      .sort(),
  ).toEqual(["/run/stack", "/vol/web/media"]);
  expect(Mounts.filter(({ Name }: any) => /^[0-9a-f]{64}$/.test(Name))).toEqual([]);
});

test("under writes: no request fails, and what is saved is one moment of the database", async () => {
  upload("one.jpg", 100_000);
  // A folder's picture on macOS has the end of a line in its name.
  docker("exec", site.containersOf("django")[0], "sh", "-c", 'echo odd > "/vol/web/media/posters/$(printf "Icon\\r")"');
  const { requests } = await loadDuring(site, 30, () => backups.make());
  expect(requests.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect(requests.length).toBeGreaterThan(100);
});

test("when one is made, nothing of it runs on", async () => {
  await backups.make();
  const atWork = () => docker("top", backups.container, "-eo", "pid,args").match(/(backup\.sh (now|make)|\bfind|\bsync) .*/g);
  await expect.poll(atWork, { timeout: 10_000 }).toBe(null);
});

test("two at once: one waits for the other, and both are proven", async () => {
  const ended = await Promise.all([backups.ask("now"), backups.ask("now")]);
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  expect(ended.filter(({ output }) => output.includes("another backup or restore is under way: waiting for it"))).toHaveLength(1);
  const ids = ended.map(({ output }) => /proved ([0-9a-f]{8})/.exec(output)?.[1]);
  const proven = (await backups.list()).filter((backup) => backup.proven).map(({ id }) => id);
  expect(proven.slice(-2).sort()).toEqual(ids.sort());
});

test("a media file that vanishes while it is stored means another try, not half a backup", async () => {
  upload("large.jpg", 300_000_000);
  const making = backups.ask("now");
  await sleep(100);
  for (let tenth = 0; tenth < 600 && (await run("exec", backups.container, "test", "-e", "/backup-work/backup/manifest.json")).code !== 0; tenth++)
    await sleep(50);
  docker("exec", site.containersOf("django")[0], "rm", "/vol/web/media/posters/large.jpg");
  const { code, output } = await making;
  expect([code, output]).toEqual([0, expect.stringContaining("media files changed meanwhile: trying again")]);
  expect((await backups.list()).filter(({ proven }) => !proven)).toEqual([]);
});

test("a file that changes all the time keeps no backup from being made, proven and restored", async () => {
  const [django] = site.containersOf("django");
  const busy = "/vol/web/media/busy, 100%.log";
  const writing = run("exec", django, "sh", "-c", `until [ -e /tmp/enough ]; do date +%N > '${busy}'; sleep 0.02; done`);
  const { code, output } = await backups.ask("now");
  docker("exec", django, "touch", "/tmp/enough");
  await writing;
  expect([code, output]).toEqual([0, expect.stringContaining("media files that changed or went while it was made: 1; it has what was there")]);
  expect(output.match(/media files changed meanwhile: trying again/g)).toHaveLength(2);
  const { id } = (await backups.list()).at(-1) as { id: string };
  expect(await backups.ask("verify", id)).toEqual({ code: 0, output: `backup: proved ${id}\n` });
  docker("exec", django, "rm", busy);
  expect((await backups.restore(id)).code).toBe(0);
  expect(docker("exec", django, "cat", busy)).toMatch(/^\d{9}\n$/);
  await backups.restore("discard");
  docker("exec", django, "rm", busy);
});

test("the command makes one, lists them, proves one again and says how they are", async () => {
  const checkout = new Checkout(site);
  try {
    const made = await checkout.run("backup", "prod");
    const [, id] = /backup: proved ([0-9a-f]{8}): 2 media files, \d+ rows; \d+ s in all/.exec(made.output) ?? [];
    expect([made.code, id]).toEqual([0, expect.any(String)]);
    const list = await checkout.run("backup", "prod", "list");
    expect(list.output.trim().split("\n").at(-1)).toMatch(new RegExp(`^${id}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC  proven      [\\d.]+ MB$`));
    expect((await checkout.run("backup", "prod", "verify", id)).output).toBe(`backup: proved ${id}\n`);
    const status = await checkout.run("backup", "prod", "status");
    expect([status.code, status.output]).toEqual([
      0,
      expect.stringMatching(/^last proven {3}[0-9a-f]{8}, less than an hour ago\nkept {10}\d+ proven\nlast failure {2}none since\n$/),
    ]);
    docker("exec", backups.container, "sed", "-i", "s/^verified_at=.*/verified_at=1/; s/^watched_since=.*/watched_since=1/", "/backup-work/status");
    const late = await checkout.run("backup", "prod", "status");
    expect([late.code, late.output]).toEqual([1, expect.stringContaining("more than backup.maxAgeHours (26)")]);
    expect((await checkout.run("backup", "prod", "verify", "ffffffff")).code).toBe(1);
    await backups.make();
  } finally {
    checkout.dispose();
  }
});

describe("what goes wrong", () => {
  afterEach(() => void ((stack.current as ContainerStack).adjust = (inputs) => inputs));

  test("Postgres killed during a backup: it fails and says so, nothing half is kept, the next one is good", async () => {
    const before = await backups.list();
    const [postgres] = site.containersOf("postgres");
    // The dump waits for this lock.
    const locked = run(
      "exec",
      "--user",
      "postgres",
      postgres,
      "psql",
      "--dbname=django",
      "--command",
      "BEGIN; LOCK TABLE movies_movie IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60);",
    );
    await sleep(1000);
    const making = backups.ask("now");
    await sleep(3000);
    docker("exec", postgres, "sh", "-c", "kill -9 $(head -n 1 /var/lib/postgresql/18/docker/postmaster.pid)");
    const { code } = await making;
    await locked;
    expect(code).toBe(1);
    expect((await backups.status()).failure).toMatch(/the dump failed|the database/);
    expect(await backups.list()).toEqual(before);
    for (let second = 0; second < 60 && (await run("exec", site.containersOf("postgres")[0], "pg_isready")).code !== 0; second++) await sleep(1000);
    await backups.make();
    expect((await backups.status()).failure).toBe("");
  });

  test("one that is killed leaves nothing that the next one trips over", async () => {
    const making = backups.ask("now");
    await sleep(2500);
    killInside(backups.container, /backup\.sh make|restic|pg_dump/);
    expect((await making).code).not.toBe(0);
    const id = await backups.make();
    expect((await backups.list()).at(-1)).toEqual({ id, proven: true });
  });

  test("no room at the target: the site doesn't notice, the failure is there to see, the last good one stays", async () => {
    (stack.current as ContainerStack).adjust = (inputs) =>
      inputs.hostname === `${site.prefix}-backup`
        ? {
            ...inputs,
            mounts: inputs.mounts.filter(({ target }: any) => target !== "/backups"),
            tmpfs: { ...inputs.tmpfs, "/backups": "size=6m,uid=999,gid=999,mode=0700" },
          }
        : inputs;
    site.stack.config = { ...site.stack.config, backup: { keepDaily: "8" } };
    await site.up();
    docker("exec", backups.container, "rm", "-f", "/backup-work/repository");
    const good = await backups.make();
    upload("too-large.jpg", 20_000_000);
    const { code } = await backups.ask("now");
    expect(code).toBe(1);
    expect((await backups.status()).failure).toMatch(/took no backup|no space left/);
    expect((await backups.list()).filter(({ proven }) => proven).map(({ id }) => id)).toEqual([good]);
    expect((await site.anonymous().request("/api/movies/")).status).toBe(200);
    docker("exec", site.containersOf("django")[0], "rm", "/vol/web/media/posters/too-large.jpg");
    await site.up();
  });

  test("a media file that it may not read is named, with what to do", async () => {
    docker("exec", site.containersOf("django")[0], "sh", "-c", "cd /vol/web/media/posters && echo secret > closed.jpg && chmod 0600 closed.jpg");
    // The app's group is what lets it read; a mode that leaves the group out doesn't.
    const { code, output } = await backups.ask("now");
    expect([code, output]).toEqual([1, expect.stringContaining("can't read the media file ./posters/closed.jpg; fix: let the app's group read it")]);
    docker("exec", site.containersOf("django")[0], "rm", "/vol/web/media/posters/closed.jpg");
    await backups.make();
  });

  test("a repository that is gone isn't made anew in silence", async () => {
    await backups.make();
    docker("exec", backups.container, "mv", "/backups/repository", "/backups/elsewhere");
    const { code, output } = await backups.ask("now");
    expect([code, output]).toEqual([1, expect.stringContaining("the backups at backup.target volume are gone")]);
    docker("exec", backups.container, "mv", "/backups/elsewhere", "/backups/repository");
    await backups.make();
  });

  test("another passphrase is named as such", async () => {
    site.stack.config = { ...site.stack.config, backup: { passphrase: "quite another passphrase" } };
    await site.up();
    const { code, output } = await backups.ask("now");
    expect([code, output]).toEqual([1, expect.stringContaining("were made with another passphrase; fix: set backup.passphrase to that one")]);
    site.stack.config = { ...site.stack.config, backup: {} };
    await site.up();
    await backups.make();
  });

  test("the last proven one too old: the container is unhealthy, and up warns", async () => {
    docker(
      "exec",
      backups.container,
      "sed",
      "-i",
      `s/^verified_at=.*/verified_at=${Math.floor(Date.now() / 1000) - 30 * 3600}/`,
      "/backup-work/status",
    );
    docker("exec", backups.container, "sed", "-i", "s/^watched_since=.*/watched_since=0/", "/backup-work/status");
    // Just made, it is healthy all the same: what mends a failing backup must be able to start.
    expect((await backups.ask("health")).code).toBe(0);
    docker("exec", backups.container, "sh", "-c", "echo 0 > /tmp/started");
    const { code, output } = await backups.ask("late");
    expect([code, output]).toEqual([1, expect.stringContaining("the last proven backup is 30 hours old, more than backup.maxAgeHours (26)")]);
    await expect
      .poll(() => docker("inspect", "--format", "{{.State.Health.Status}}", backups.container).trim(), { timeout: 60_000 })
      .toBe("unhealthy");
    await backups.make();
  });
});

test("retention, over a month's end: seven days, four weeks, twelve months of what is proven", async () => {
  const make = `
    . /usr/local/lib/backup/repository.sh; open_repository
    for day in 0 5 11 12 20 30 39 40 47 54 55 $(seq 60 70); do
      repository backup --quiet --host "$BACKUP_HOST" --tag verified --time "$(date -u -d "2026-01-20 02:30 $day days" '+%F %T')" /backup-work/status
    done`;
  docker(
    "exec",
    backups.container,
    "bash",
    "-c",
    `rm -rf /tmp/r; export RESTIC_REPOSITORY=/tmp/r; ${make.replace("open_repository", "open_repository; repository init > /dev/null")}`,
  );
  const inside = ["exec", "--env", "RESTIC_REPOSITORY=/tmp/r", backups.container, "bash", "/usr/local/lib/backup/backup.sh"];
  expect(await run(...inside, "prune")).toEqual({ code: 0, output: "" });
  const days = JSON.parse(docker(...inside, "list")).map(({ time }: any) => time.slice(0, 10));
  // The 31st of March is a Tuesday: seven days, the last of the weeks before, the last of the months before, and as there aren't twelve, the first of all.
  expect(days).toEqual([
    "2026-01-20", "2026-01-31", "2026-02-28", "2026-03-15", "2026-03-22", "2026-03-25", "2026-03-26", "2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31",
  ]); // prettier-ignore
});
