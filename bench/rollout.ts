import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ContainerStack } from "../test/support/container-stack.ts";
import { PulumiStack } from "../test/support/pulumi-stack.ts";
import { SiteLoad, storedTitles } from "../test/support/site-load.ts";
import { docker, Site } from "../test/support/site.ts";
import type { MakeStack } from "../test/support/stack-driver.ts";
import { runInShell, visitors } from "../test/support/visitors.ts";
import { composeCommand, ComposeProject } from "./load/compose-project.ts";
import { stopAtReload } from "./load/early-stop.ts";
import type { LoadArgs, Sent } from "./load/load.ts";
import { outsideAddress } from "./load/outside-address.ts";
import { drawRollouts, type Panel } from "./load/picture.ts";
import { startLoad } from "./load/start-load.ts";
import { overlap, split, summarize } from "./load/summary.ts";

// Every row: 200 requests a second over TLS for at least 62 s: more than 12,000 in all. Two cores bear this mix beside a deploy.
const perSecond = Number(process.env.DJANGO_STACK_BENCH_RATE ?? 200);
const cycle: LoadArgs["cycle"] = [
  "post",
  { path: "/healthz", contains: "ok" },
  { path: "/api/movies/1/", contains: '"id":1,' },
  { path: "/static/admin/css/base.css", contains: "--primary" },
  { path: "/healthz", contains: "ok" },
];
const firstMovie = 'from movies.models import Movie; Movie.objects.create(title="Alien", year=1979)';
const managePy = ["python", "manage.py", "shell", "--command"];
const leastSeconds = 62;
/** Pulumi where it is there; its seconds count then, and its share of the processors. */
const throughPulumi = Boolean(process.env.DJANGO_STACK_TEST_PULUMI);
const makeStack: MakeStack = (name, config) => (throughPulumi ? new PulumiStack(name, config) : new ContainerStack(name, config));
const quietSeconds = 15;
const address = await outsideAddress();
const root = join(import.meta.dirname, "..");

interface Row {
  readonly change: string;
  readonly side: string;
  readonly sent: number;
  readonly failed: number;
  readonly retried: number;
  readonly lostOrDoubled: number;
  readonly p99Before: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly seconds: string;
  readonly overlapSeconds: string;
  readonly failures: Readonly<Record<string, number>>;
}

const rows: Row[] = [];
const panels: Panel[] = [];

/** Measures one change: a quiet time, the change, and the rest of the time. */
async function measure(
  side: string,
  change: string,
  load: { stop(): Promise<Sent[]> },
  work: () => Promise<unknown> | unknown,
  writes: (requests: readonly Sent[]) => number,
  releases?: () => readonly [string, string],
): Promise<Row> {
  const begin = Date.now();
  // The first seconds warm connections and workers up; they count as sent, not for the latency before.
  await sleep(quietSeconds * 1000);
  const from = Date.now();
  const before = releases?.()[0];
  await work();
  const to = Date.now();
  await sleep(Math.max(10_000, leastSeconds * 1000 - (Date.now() - begin)));
  const requests = await load.stop();
  const all = summarize(requests);
  const [, quiet, during] = split(requests, begin + 8000, from, to).map(summarize);
  const both = before === undefined || releases === undefined ? undefined : overlap(requests, before, releases()[1]);
  const row: Row = {
    change,
    side,
    sent: all.sent,
    failed: all.failed,
    retried: all.retried,
    lostOrDoubled: writes(requests),
    p99Before: quiet.p99,
    p50: during.p50,
    p99: during.p99,
    max: during.max,
    seconds: ((to - from) / 1000).toFixed(1),
    overlapSeconds: both === undefined ? "" : ((both.lastOld - both.firstNew) / 1000).toFixed(2),
    failures: all.failures,
  };
  rows.push(row);
  if (change === "new code") panels.push({ title: `${side}: ${all.failed} of ${all.sent} requests failed`, requests, from, to });
  return row;
}

afterAll(() => {
  const machine = `${cpus().length} x ${cpus()[0].model}, Docker ${docker("version", "--format", "{{.Server.Version}}").trim()}, ${new Date().toISOString().slice(0, 10)}`;
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(join(root, "bench/results/rollout.json"), `${JSON.stringify({ machine, perSecond, throughPulumi, address, rows }, null, 2)}\n`);
  if (panels.length > 0) writeFileSync(join(root, "docs/rollout.svg"), drawRollouts(panels));
  console.log(`\n${machine}; ${perSecond} requests a second to ${address}; ${throughPulumi ? "through Pulumi" : "the containers without Pulumi"}\n`);
  console.table(rows.map(({ failures, ...row }) => ({ ...row, failures: JSON.stringify(failures) })));
});

/** A stack of ours under load, and how a change of it is measured. */
function siteUnderLoad(name: string, make: MakeStack) {
  const site = new Site(name, make, {
    config: {
      bindAddress: [...new Set(["127.0.0.1", address])],
      app: { context: join(tmpdir(), `${name}-prod-${process.pid}`, "django") },
    },
  });
  beforeAll(async () => {
    await site.start();
    runInShell(site.containersOf("django")[0], firstMovie);
  });
  afterAll(() => site.stop());
  const ours = async (change: string, work: () => void | Promise<void>) => {
    const load = new SiteLoad(site, perSecond, cycle, address);
    let ledger = { missing: [] as string[], doubled: [] as string[] };
    let old = "";
    const requests = {
      stop: async () => {
        const result = await load.stop();
        ledger = result;
        return result.requests;
      },
    };
    return measure(
      "django-stack",
      change,
      requests,
      async () => {
        await work();
        await site.up();
      },
      () => ledger.missing.length + ledger.doubled.length,
      () => [(old ||= site.outputs.release), site.outputs.release],
    );
  };
  return { site, ours };
}

describe("django-stack", () => {
  const { site, ours } = siteUnderLoad("dsrollout", makeStack);
  const view = join(site.project, "movies/views.py");
  const app = site.stack.config.app as Record<string, unknown>;
  const expectNone = (row: Row) => expect({ failures: row.failures, lostOrDoubled: row.lostOrDoubled }).toEqual({ failures: {}, lostOrDoubled: 0 });

  test("new code", async () => {
    expectNone(await ours("new code", () => appendFileSync(view, "# changed\n")));
  });

  test("new code with a migration", async () => {
    const add = 'migrations.AddField("movie", "stars", models.IntegerField(null=True))';
    const text = `from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = [("movies", "0001_initial")]\n    operations = [${add}]\n`;
    expectNone(await ours("new code and a migration", () => writeFileSync(join(site.project, "movies/migrations/0002_stars.py"), text)));
  });

  test("environment, workers, threads and limits", async () => {
    const limits = { env: { GREETING: "hello" }, workers: 2, threads: 6, memory: "600m" };
    expectNone(await ours("environment, workers, limits", () => void (site.stack.config = { ...site.stack.config, app: { ...app, ...limits } })));
  });

  test("replicas 2 -> 4 -> 1", async () => {
    expectNone(
      await ours("replicas 2 -> 4 -> 1", async () => {
        site.stack.config = { ...site.stack.config, app: { ...app, replicas: 4 } };
        await site.up();
        site.stack.config = { ...site.stack.config, app: { ...app, replicas: 1 } };
      }),
    );
    site.stack.config = { ...site.stack.config, app };
    await site.up();
  });

  test("nginx's configuration", async () => {
    expectNone(await ours("nginx's configuration", () => void (site.stack.config = { ...site.stack.config, nginx: { keepaliveSeconds: 30 } })));
  });

  test("the certificate", async () => {
    expectNone(await ours("a name and its certificate", () => void (site.stack.config = { ...site.stack.config, aliases: ["films.localhost"] })));
  });

  test("database password and secret key", async () => {
    const secrets = { databasePasswordVersion: 2, secretKeyVersion: 2 };
    expectNone(await ours("password and key rotated", () => void (site.stack.config = { ...site.stack.config, secrets })));
  });
});

describe("the same load", () => {
  const stack = { current: undefined as ContainerStack | undefined };
  const { site, ours } = siteUnderLoad("dsrolloutcheck", (name, config) => (stack.current = new ContainerStack(name, config)));

  test("sees failures with the drain and the successor switched off", async () => {
    stack.current!.adjust = (inputs) => ({
      ...inputs,
      envs: inputs.envs?.map((line: string) => line.replace(/^DRAIN_SECONDS=.*/, "DRAIN_SECONDS=0")),
      // With it, one request of 12,395 failed: those that old replicas refuse find the new ones.
      uploads: inputs.uploads?.map((upload: Record<string, string>) => ({
        ...upload,
        content: upload.content?.replace(/^ *server 127\.0\.0\.1:.* backup;\n/m, ""),
      })),
    });
    // Another configuration, for nginx to go over to the one without.
    site.stack.config = { ...site.stack.config, nginx: { keepaliveSeconds: 31 } };
    await site.up();
    let stopped: Promise<void> | undefined;
    const row = await ours("new code, no drain, no successor (self-check)", () => {
      appendFileSync(join(site.project, "movies/views.py"), "# changed again\n");
      stopped = stopAtReload(`${site.prefix}-nginx`, site.containersOf("django"), 30);
    });
    await stopped;
    expect(row.failed).toBeGreaterThan(0);
  });
});

describe("a compose project beside it", () => {
  const here = composeCommand() !== undefined;
  const folder = join(tmpdir(), `dsrollout-compose-${process.pid}`);
  const source = join(folder, "django");
  const image = "dsrollout-compose-django";
  let peer: ComposeProject;
  const build = () => execFileSync("docker", ["build", "--quiet", "--tag", image, source], { stdio: "ignore" });
  const up = () => peer.compose("up", "--detach", "--wait");
  const container = (service: string) => peer.compose("ps", "--quiet", service).trim().split("\n")[0];
  const theirs = async (change: string, work: () => unknown) => {
    const titlePrefix = `load-${rows.length}-`;
    const load = startLoad({
      url: peer.url,
      address,
      authority: peer.authority,
      patienceMilliseconds: 40_000,
      perSecond,
      seconds: 600,
      cycle,
      titlePrefix,
      visitors: visitors(container("django"), "admin", 2 * perSecond, managePy),
    });
    const stored = () => storedTitles(container("postgres"), titlePrefix);
    return measure("compose, by hand", change, load, work, (requests) => {
      const counts = stored();
      const acknowledged = requests.filter(({ method, failure }) => method === "POST" && failure === undefined);
      return (
        acknowledged.filter(({ number }) => !counts.has(`${titlePrefix}${number}`)).length + [...counts.values()].filter((count) => count > 1).length
      );
    });
  };

  beforeAll(() => {
    if (!here) return console.log("not measured: the compose project, because there is no Docker Compose 2 on this machine");
    cpSync(join(root, "django"), source, { recursive: true });
    build();
    peer = new ComposeProject("dsrollout-compose", image, 18454, folder, address);
    up();
    peer.compose("exec", "-T", "-e", "DJANGO_SUPERUSER_PASSWORD=nostromo-1979", "django", "python", "manage.py", "createsuperuser", "--noinput", "--username", "admin", "--email", "a@example.com"); // prettier-ignore
    runInShell(container("django"), firstMovie, managePy);
  });
  afterAll(() => {
    if (!here) return;
    peer.compose("down", "--volumes");
    docker("image", "rm", "--force", image);
    rmSync(folder, { recursive: true });
  });

  test.runIf(here)("new code", async () => {
    const row = await theirs("new code", () => {
      appendFileSync(join(source, "movies/views.py"), "# changed\n");
      build();
      up();
    });
    expect(row.sent).toBeGreaterThan(leastSeconds * perSecond * 0.9);
  });

  test.runIf(here)("environment", async () => {
    await theirs("environment, workers, limits", () => {
      peer.variables.BENCH_GREETING = "hello";
      up();
    });
  });

  test.runIf(here)("replicas 2 -> 4 -> 1", async () => {
    await theirs("replicas 2 -> 4 -> 1", () => {
      for (const replicas of ["4", "1"]) {
        peer.variables.BENCH_REPLICAS = replicas;
        up();
      }
    });
    peer.variables.BENCH_REPLICAS = "2";
    up();
  });

  test.runIf(here)("nginx's configuration", async () => {
    await theirs("nginx's configuration", () => {
      peer.writeNginxConfig((text) => text.replace("keepalive_timeout 65", "keepalive_timeout 30"));
      peer.compose("restart", "nginx");
    });
    expect(readFileSync(peer.variables.BENCH_NGINX, "utf8")).toContain("keepalive_timeout 30");
  });
});
