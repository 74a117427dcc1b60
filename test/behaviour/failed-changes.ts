import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { summarize } from "../../bench/load/summary.ts";
import { loadDuring } from "../support/site-load.ts";
import { docker, type Site } from "../support/site.ts";

/** What a change that can't work does to the visitors of the moment: nothing. */
export function failedChangesBehaviour(site: Site): void {
  const { project, stack } = site;
  const anonymous = () => site.anonymous();
  const containersOf = (component: string) => site.containersOf(component);
  /** Puts a load on the site while `work` fails; no request may fail, the release of before answers all; returns the longest wait in ms. */
  const underLoad = async (work: () => Promise<unknown>) => {
    const result = await loadDuring(site, 30, work);
    const { failures, releases, max } = summarize(result.requests);
    expect({ failures, missing: result.missing, doubled: result.doubled, releases }).toEqual({
      failures: {},
      missing: [],
      doubled: [],
      releases: [site.outputs.release],
    });
    return max;
  };
  const postgres = () => containersOf("postgres")[0];
  const schema = () => docker("exec", postgres(), "pg_dump", "-U", "postgres", "--schema-only", "--restrict-key=test", "django");
  /** Writes a migration for the time of one test. */
  const migration = (operations: string) => {
    const path = join(project, "movies/migrations/0003_fails.py");
    writeFileSync(
      path,
      `from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = [("movies", "0002_stars")]\n    operations = [${operations}]\n`,
    );
    onTestFinished(() => rmSync(path));
  };

  describe("a change that fails under load", () => {
    test("a failing migration fails up with its log and leaves nothing in the schema", async () => {
      migration('migrations.AddField("movie", "votes", models.IntegerField(default=0)), migrations.RunSQL("SELECT 1/0")');
      const before = schema();
      await underLoad(async () => {
        for (let attempt = 0; attempt < 2; attempt++)
          await expect(stack.up()).rejects.toThrow(/-prod-django-release failed with exit code 1[^]*division by zero/);
      });
      expect(schema()).toBe(before);
    });

    test("a migration that takes too long is ended by the database and leaves nothing in the schema", async () => {
      const app = stack.config.app as Record<string, unknown>;
      stack.config = { ...stack.config, app: { ...app, releaseTimeoutSeconds: 4 } };
      onTestFinished(() => void (stack.config = { ...stack.config, app }));
      migration('migrations.AddField("movie", "votes", models.IntegerField(null=True)), migrations.RunSQL("SELECT pg_sleep(60)")');
      const before = schema();
      // A new column holds the table for as long as its migration runs: what is asked of it meanwhile waits, and is answered.
      await underLoad(() => expect(stack.up()).rejects.toThrow(/-prod-django-release [^]*(statement timeout|time limit)/));
      expect(schema()).toBe(before);
    });

    test("a migration that waits for a lock gives up before requests pile up behind it", async () => {
      migration('migrations.AddField("movie", "votes", models.IntegerField(null=True))');
      const before = schema();
      // Somebody's long transaction has read the table.
      const holder = `BEGIN; SELECT count(*) FROM movies_movie; SELECT pg_sleep(40);`;
      const session = spawn("docker", ["exec", postgres(), "psql", "-U", "postgres", "-d", "django", "-c", holder], { stdio: "ignore" });
      onTestFinished(async () => {
        session.kill();
        docker("exec", postgres(), "psql", "-U", "postgres", "-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(40)%' AND pid <> pg_backend_pid()"); // prettier-ignore
      });
      const slowest = await underLoad(() => expect(stack.up()).rejects.toThrow(/-prod-django-release failed[^]*lock timeout/));
      // Not for as long as that transaction takes.
      expect(slowest).toBeLessThan(15_000);
      expect(schema()).toBe(before);
    });

    test.each([
      ["settings that no Postgres starts with", { settings: { work_mem: "lots" } }, /invalid value for parameter "work_mem": "lots"/],
      ["an extension that the image hasn't", { extensions: ["postgis"] }, /postgis can't be created: .*extension "postgis" is not available/],
      ["an image without Postgres", { image: "nginx:1.30" }, /postgres\.image has no Postgres in it/],
    ])("%s: up fails, and the server that runs is left alone", async (_, settings, message) => {
      const good = stack.config;
      stack.config = { ...good, postgres: settings };
      const before = containersOf("postgres");
      await underLoad(async () => {
        const failure = await stack.up().then(
          () => "",
          (error: Error) => error.message,
        );
        expect(failure).toMatch(/-prod-postgres-trial failed with exit code 1; what ran before goes on/);
        expect(failure).toMatch(message);
      });
      stack.config = good;
      await site.up();
      expect(containersOf("postgres")).toEqual(before);
    });

    test("a build that fails fails up with its last lines, and nothing is touched", async () => {
      const dockerfile = join(project, "Dockerfile");
      const good = readFileSync(dockerfile, "utf8");
      writeFileSync(dockerfile, `${good}RUN echo "this build is broken on purpose" >&2 && exit 3\n`);
      onTestFinished(() => writeFileSync(dockerfile, good));
      const before = docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}");
      await underLoad(() => expect(stack.up()).rejects.toThrow(/this build is broken on purpose[^]*returned a non-zero code: 3|exit code: 3/));
      expect(docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}")).toBe(before);
    });

    test("an image that isn't there fails up, and nothing is touched", async () => {
      const dockerfile = join(project, "Dockerfile");
      const good = readFileSync(dockerfile, "utf8");
      writeFileSync(dockerfile, good.replaceAll("FROM python:3.14-slim", "FROM localhost:1/no-such-image:1"));
      onTestFinished(() => writeFileSync(dockerfile, good));
      const before = docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}");
      await underLoad(() => expect(stack.up()).rejects.toThrow(/localhost:1/));
      expect(docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}")).toBe(before);
    });

    test("an image that crashes at import fails up three times before anything is touched", async () => {
      const wsgi = join(project, "config/wsgi.py");
      const good = readFileSync(wsgi, "utf8");
      writeFileSync(wsgi, `${good}\nraise RuntimeError("broken release")\n`);
      onTestFinished(() => writeFileSync(wsgi, good));
      const replicas = containersOf("django");
      await underLoad(async () => {
        for (let attempt = 0; attempt < 3; attempt++)
          await expect(stack.up()).rejects.toThrow(/-prod-django-release failed with exit code 1[^]*broken release/);
      });
      expect(containersOf("django")).toEqual(replicas);
    });

    test("an image that never becomes healthy fails up again and again, gets no request, and a good one heals", async () => {
      const health = join(project, "config/health.py");
      const good = readFileSync(health, "utf8");
      writeFileSync(health, good.replace('HttpResponse("ok\\n"', 'HttpResponse("broken\\n", status=500'));
      onTestFinished(() => writeFileSync(health, good));
      expect(readFileSync(health, "utf8")).toContain("status=500");
      await underLoad(async () => {
        // An old worker that is recycled meanwhile must find its own static manifest.
        const [replica] = containersOf("django");
        const endLastWorker = `
import os, signal
others = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
workers = [pid for pid in others if b"gunicorn" in open(f"/proc/{pid}/cmdline", "rb").read()]
os.kill(max(workers), signal.SIGTERM)`;
        docker("exec", replica, "python", "-c", endLastWorker);
        for (let attempt = 0; attempt < 2; attempt++)
          await expect(stack.up()).rejects.toThrow(
            /-prod-django-[01]-[0-9a-f]{7} didn't become healthy \([a-z]+, [a-z]+; its last health check said: GET \/healthz: 500 Internal Server Error; app\.healthPath must answer 200\)/,
          );
      });
      writeFileSync(health, good);
      await site.up();
      expect((await anonymous().request("/")).status).toBe(200);
      expect(containersOf("django")).toHaveLength(2);
      const all = docker("ps", "--all", "--filter", `label=django-stack.name=${site.name}`, "--format", "{{.Names}}").trim().split("\n");
      // Four services, and the jobs of this release: nothing of the failed ones is left over.
      expect(all.filter((name) => /-django-[01]-/.test(name))).toHaveLength(2);
    });

    test("a release whose configuration nginx refuses gets no request, and the next up brings it in", async () => {
      const page = join(project, "movies/templates/movies/index.html");
      const snippet = join(dirname(project), "refused.conf");
      const good = stack.config;
      const release = site.outputs.release;
      writeFileSync(page, readFileSync(page, "utf8").replace(/<h1>[^<]*/, "<h1>Refused"));
      writeFileSync(snippet, "no_such_directive on;\n");
      stack.config = { ...good, nginx: { ...(good.nginx as object), serverSnippet: snippet } };
      // New replicas were made by then, and the engine owes the end of those of before.
      await underLoad(() => expect(stack.up()).rejects.toThrow(/-nginx-files-job failed with exit code 1[^]*unknown directive "no_such_directive"/));
      stack.config = good;
      const { requests, missing, doubled } = await loadDuring(site, 30, () => site.up());
      const { failures, releases } = summarize(requests);
      expect({ failures, missing, doubled, releases }).toEqual({
        failures: {},
        missing: [],
        doubled: [],
        releases: [release, site.outputs.release],
      });
      expect(release).not.toBe(site.outputs.release);
      expect(containersOf("django")).toHaveLength(2);
    });
  });
}
