import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { renderPostgresSettings } from "../components/postgres-settings.ts";
import { Backups, run } from "../test/support/backups.ts";
import { ContainerStack } from "../test/support/container-stack.ts";
import { docker, Site } from "../test/support/site.ts";
import { loadDuring } from "../test/support/site-load.ts";
import { split, summarize } from "./load/summary.ts";

const root = join(import.meta.dirname, "..");
const site = new Site("dsbenchdata", (stack, config) => new ContainerStack(stack, config));
const backups = new Backups(site);
const rounds = 3;
const pgbench = "dsbenchdata-pgbench";
const rows: { measure: string; ours: string; peer: string; ratio: string; target: string }[] = [];
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (values: readonly number[], unit: string) =>
  `${median(values).toFixed(1)} ${unit} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
const sql = (text: string, database = "django") =>
  docker(
    "exec",
    backups.container,
    "psql",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--host=/run/postgresql",
    `--dbname=${database}`,
    "--command",
    text,
  ).trim();

async function seconds(...args: string[]): Promise<number> {
  const start = performance.now();
  const { code, output } = await run("exec", backups.container, ...args);
  if (code !== 0) throw new Error(output);
  return (performance.now() - start) / 1000;
}

beforeAll(async () => {
  await site.start();
  await backups.first();
  // Text that doesn't pack well, as real rows don't.
  sql(
    "CREATE TABLE filler AS SELECT number AS id, md5(number::text) || md5((number + 1)::text) || md5((number + 2)::text) AS text FROM generate_series(1, 6700000) AS number",
  );
  sql("ALTER TABLE filler ADD PRIMARY KEY (id)");
  sql("VACUUM ANALYZE filler");
}, 600_000);

afterAll(async () => {
  const size = sql("SELECT pg_size_pretty(pg_database_size('django'))");
  await site.stop();
  await run("rm", "--force", pgbench);
  await run("volume", "rm", pgbench);
  const machine = `${cpus().length} x ${cpus()[0].model}, Docker ${docker("version", "--format", "{{.Server.Version}}").trim()}, ${new Date().toISOString().slice(0, 10)}`;
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(join(root, "bench/results/data.json"), `${JSON.stringify({ machine, rounds, size, rows }, null, 2)}\n`);
  console.log(`\n${machine}; a database of ${size}; medians of ${rounds}, with the range\n`);
  console.table(rows);
}, 300_000);

test("a backup beside pg_dump, its proof beside pg_restore", async () => {
  const ours = { made: [] as number[], again: [] as number[], proven: [] as number[] };
  const peer = { dump: [] as number[], restore: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    // Each round's rows are new ones to the repository.
    sql(`UPDATE filler SET text = md5('${round}' || text) || md5('a' || text) || md5('b' || text)`);
    sql("VACUUM FULL filler");
    peer.dump.push(await seconds("pg_dump", "--host=/run/postgresql", "--format=custom", "--file=/backup-work/raw.dump", "django"));
    const { output } = await backups.ask("now");
    const [, made] = /made \w+ in (\d+) s/.exec(output) ?? [];
    ours.made.push(Number(made));
    sql("CREATE DATABASE raw", "postgres");
    peer.restore.push(await seconds("pg_restore", "--host=/run/postgresql", "--dbname=raw", "--jobs=2", "/backup-work/raw.dump"));
    sql("DROP DATABASE raw", "postgres");
    await seconds("rm", "/backup-work/raw.dump");
    ours.proven.push(await seconds("bash", "/usr/local/lib/backup/backup.sh", "verify"));
    const [, again] = /made \w+ in (\d+) s/.exec((await backups.ask("now")).output) ?? [];
    ours.again.push(Number(again));
  }
  rows.push(
    { measure: "backup, all rows new / pg_dump -Fc", ours: shown(ours.made, "s"), peer: shown(peer.dump, "s"), ratio: (median(ours.made) / median(peer.dump)).toFixed(2), target: "<= 1.3" },
    { measure: "backup, nothing new / pg_dump -Fc", ours: shown(ours.again, "s"), peer: shown(peer.dump, "s"), ratio: (median(ours.again) / median(peer.dump)).toFixed(2), target: "" },
    { measure: "restored and compared / pg_restore -j2", ours: shown(ours.proven, "s"), peer: shown(peer.restore, "s"), ratio: (median(ours.proven) / median(peer.restore)).toFixed(2), target: "<= 1.5" },
  ); // prettier-ignore
  expect(ours.proven.length).toBe(rounds);
});

test("the site's p99 while a backup is made and proven", async () => {
  const quiet: number[] = [];
  const busy: number[] = [];
  let [sent, failed] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const { requests, from, to } = await loadDuring(site, 50, () => backups.make(), { secondsBefore: 20, secondsAfter: 2 });
    const [before, during] = split(requests, from, to).map(summarize);
    quiet.push(before.p99);
    busy.push(during.p99);
    sent += during.sent;
    failed += during.failed;
  }
  rows.push({
    measure: "p99 during a backup / before, 50 requests a second",
    ours: `${shown(busy, "ms")}, ${failed} of ${sent} failed`,
    peer: shown(quiet, "ms"),
    ratio: (median(busy) / median(quiet)).toFixed(2),
    target: "<= 2",
  });
  expect(sent).toBeGreaterThan(100);
});

test("pgbench with our settings beside those of the image", async () => {
  const stock: number[] = [];
  const ours: number[] = [];
  const start = async (settings: readonly string[]) => {
    docker("run", "--detach", "--name", pgbench, "--cpus", "2", "--memory", "1024m", "--memory-swap", "1024m", "--shm-size", "256m", "--env", "POSTGRES_PASSWORD=bench",
      "--volume", `${pgbench}:/var/lib/postgresql`, "postgres:18", "postgres", ...settings); // prettier-ignore
    await expect
      .poll(async () => (await run("exec", pgbench, "pg_isready", "--host=127.0.0.1", "--username=postgres")).code, { timeout: 60_000 })
      .toBe(0);
  };
  const stop = () => {
    docker("stop", "--time", "60", pgbench);
    docker("rm", pgbench);
  };
  const bench = (time: number) =>
    run("exec", "--user", "postgres", pgbench, "pgbench", "--client=8", "--jobs=2", `--time=${time}`, "--no-vacuum", "postgres");
  const measure = async (settings: readonly string[]) => {
    await start(settings);
    // An empty cache is neither's setting.
    await bench(8);
    await run("exec", "--user", "postgres", pgbench, "psql", "--command=CHECKPOINT");
    const { output } = await bench(15);
    stop();
    return Number(/tps = ([\d.]+)/.exec(output)?.[1]);
  };
  await start([]);
  docker("exec", "--user", "postgres", pgbench, "pgbench", "--initialize", "--quiet", "--scale=30", "postgres");
  stop();
  const settings = renderPostgresSettings({ memory: 1024, maxConnections: 100, settings: {} });
  // Each run leaves a larger database and the disk at work for the next one: both take either turn equally often.
  for (let round = 0; round < 2 * rounds; round++) {
    const turns = [async () => void stock.push(await measure([])), async () => void ours.push(await measure(settings))];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  rows.push({ measure: "pgbench, 8 clients: our settings / the image's", ours: shown(ours, "tps"), peer: shown(stock, "tps"), ratio: (median(ours) / median(stock)).toFixed(2), target: ">= 0.95" }); // prettier-ignore
});
