import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { overlap, summarize } from "../../bench/load/summary.ts";
import { engineApi } from "../support/engine-api.ts";
import { loadDuring } from "../support/site-load.ts";
import { docker, emptyImage, type Site } from "../support/site.ts";

/** Requests a second while something changes. */
const perSecond = 30;

/** What each kind of change does to the visitors of the moment. */
export function changesBehaviour(site: Site): void {
  const { prefix, project, stack } = site;
  const anonymous = () => site.anonymous();
  const containersOf = (component: string) => site.containersOf(component);
  /** Brings the stack up to date under load; no request may fail, and no write may be lost or doubled. */
  const upUnderLoad = async (work: () => Promise<unknown> = () => site.up()) => {
    const result = await loadDuring(site, perSecond, work);
    const { failures, ...summary } = summarize(result.requests);
    expect({ failures, missing: result.missing, doubled: result.doubled }).toEqual({ failures: {}, missing: [], doubled: [] });
    return { ...result, ...summary };
  };
  const nginxProcess = async () => {
    const { Id, State } = await engineApi("GET", `/containers/${prefix}-nginx/json`);
    return `${Id} ${State.Pid} ${State.StartedAt}`;
  };
  const editPage = (title: string) => {
    const page = join(project, "movies/templates/movies/index.html");
    writeFileSync(page, readFileSync(page, "utf8").replace(/<h1>[^<]*/, `<h1>${title}`));
  };

  describe("a change under load", () => {
    test("changes nothing when nothing changed", async () => {
      expect((await stack.up()).operations).toEqual([]);
    });

    test("ships new code and a new style sheet with no failed request, and the old style sheet still answers", async () => {
      const oldPage = (await anonymous().request("/")).text;
      const oldCss = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(oldPage)?.[1] ?? "";
      const oldRelease = site.outputs.release;
      const nginx = await nginxProcess();
      appendFileSync(join(project, "movies/static/movies/site.css"), "h1 { color: green; }\n");
      editPage("Films");
      const { requests, releases, sent, from, to } = await upUnderLoad();
      expect(sent).toBeGreaterThan(200);
      expect(releases).toEqual([oldRelease, site.outputs.release]);
      const both = overlap(requests, oldRelease, site.outputs.release);
      // When `up` ends, the old release has given its last answer.
      expect(both?.firstNew).toBeGreaterThan(from);
      expect(both?.lastOld).toBeLessThan(to);
      expect(await nginxProcess()).toBe(nginx);
      const page = (await anonymous().request("/")).text;
      const css = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(page)?.[1] ?? "";
      expect(page).toContain("<h1>Films</h1>");
      expect((await anonymous().request(css)).text).toContain("color: green");
      expect((await anonymous().request(oldCss)).status).toBe(200);
    });

    test("goes back to the code before, and forth again", async () => {
      const release = site.outputs.release;
      editPage("Movies");
      await upUnderLoad();
      expect((await anonymous().request("/")).text).toContain("<h1>Movies</h1>");
      expect(site.outputs.release).not.toBe(release);
      editPage("Films");
      await site.up();
      expect(site.outputs.release).toBe(release);
      expect((await anonymous().request("/")).text).toContain("<h1>Films</h1>");
    });

    test("ships a migration that old code can live with", async () => {
      const migration = join(project, "movies/migrations/0002_stars.py");
      const add = 'migrations.AddField("movie", "stars", models.IntegerField(null=True))';
      writeFileSync(
        migration,
        `from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = [("movies", "0001_initial")]\n    operations = [${add}]\n`,
      );
      await upUnderLoad();
      const [postgres] = containersOf("postgres");
      expect(docker("exec", postgres, "psql", "-U", "postgres", "-d", "django", "-c", "\\d movies_movie")).toContain("stars");
    });

    test("finishes a request that began before the switch", async () => {
      const urls = join(project, "config/urls.py");
      const slow = `
import time
from django.http import HttpResponse
def slow(request):
    time.sleep(15)
    return HttpResponse("slept\\n")
urlpatterns.append(path("slow", slow))
`;
      const before = readFileSync(urls, "utf8");
      writeFileSync(urls, before + slow);
      await site.up();
      const release = site.outputs.release;
      writeFileSync(urls, before);
      let answered: { status: number; text: string; release: unknown } | undefined;
      const replicas = containersOf("django");
      let ended = 0;
      const askBesideNewReplicas = async () => {
        // They aren't healthy yet: the switch comes, however fast the machine is, while the request is under way.
        const found = () => expect(containersOf("django").some((replica) => !replicas.includes(replica))).toBe(true);
        await vi.waitFor(found, { timeout: 120_000, interval: 200 });
        const { status, text, headers } = await anonymous().request("/slow");
        ended = Date.now();
        answered = { status, text, release: headers["x-release"] };
      };
      const { requests } = await upUnderLoad(() => Promise.all([askBesideNewReplicas(), site.up()]));
      expect(answered).toEqual({ status: 200, text: "slept\n", release });
      expect(overlap(requests, release, site.outputs.release)?.firstNew).toBeLessThan(ended);
      expect((await anonymous().request("/slow")).status).toBe(404);
    });

    test("takes a new environment, workers, threads and limits of the app", async () => {
      const app = stack.config.app as Record<string, unknown>;
      stack.config = { ...stack.config, app: { ...app, env: { GREETING: "hello" }, workers: 2, threads: 3, memory: "400m", cpus: 0.9 } };
      await upUnderLoad();
      const [replica] = containersOf("django");
      const { Config, HostConfig } = await engineApi("GET", `/containers/${replica}/json`);
      expect(Config.Env).toContain("GREETING=hello");
      expect([HostConfig.Memory, HostConfig.CpuQuota]).toEqual([400 * 1024 * 1024, 90_000]);
      expect(Config.Cmd).toEqual(expect.arrayContaining(["--workers=2", "--threads=3"]));
      stack.config = { ...stack.config, app };
      await site.up();
    });

    test("rotates the database password and the secret key, and sessions survive", async () => {
      // Logged in by an earlier test, through the form.
      expect((await site.admin.request("/admin/")).status).toBe(200);
      const keys = () => {
        const [replica] = containersOf("django");
        const files = docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', replica).trim();
        return ["SECRET_KEY", "SECRET_KEY_FALLBACKS"].map((name) => docker("exec", replica, "cat", `/run/stack/${files}/${name}`));
      };
      const [oldKey, oldFallbacks] = keys();
      stack.config = { ...stack.config, secrets: { databasePasswordVersion: 2, secretKeyVersion: 2 } };
      await upUnderLoad();
      expect((await site.admin.request("/admin/")).status).toBe(200);
      const [newKey, newFallbacks] = keys();
      expect(newKey).not.toBe(oldKey);
      // Whoever met the new version first may meet the old one once more, on a connection from before.
      expect([oldFallbacks.split(","), newFallbacks.split(",")]).toEqual([expect.arrayContaining([newKey]), expect.arrayContaining([oldKey])]);
    });

    test("scales from two replicas to four to one", async () => {
      const app = stack.config.app as Record<string, unknown>;
      for (const replicas of [4, 1]) {
        stack.config = { ...stack.config, app: { ...app, replicas } };
        await upUnderLoad();
        expect(containersOf("django")).toHaveLength(replicas);
      }
      stack.config = { ...stack.config, app };
      await site.up();
    });

    test("reloads nginx in place for a changed setting", async () => {
      const nginx = await nginxProcess();
      stack.config = { ...stack.config, nginx: { keepaliveSeconds: 30 } };
      await upUnderLoad();
      expect(await nginxProcess()).toBe(nginx);
      expect(docker("exec", `${prefix}-nginx`, "nginx", "-T", "-q", "-c", "/etc/nginx/stack/current/nginx.conf")).toContain("keepalive_timeout 30s;");
    });

    test("a migration that meets the dump of a backup waits for its end, and nobody else waits with it", async () => {
      const [postgres] = containersOf("postgres");
      const sql = (text: string) => docker("exec", postgres, "psql", "-qtA", "-U", "postgres", "-d", "django", "-c", text).trim();
      const path = join(project, "movies/migrations/0003_waits.py");
      const operation = 'migrations.RunSQL("LOCK TABLE movies_movie IN ACCESS EXCLUSIVE MODE")';
      writeFileSync(path, `from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [("movies", "0002_stars")]\n    operations = [${operation}]\n`); // prettier-ignore
      const dump = "BEGIN; SELECT count(*) FROM movies_movie; SELECT pg_sleep(300);";
      const session = spawn("docker", ["exec", "--env", "PGAPPNAME=pg_dump", postgres, "psql", "-U", "postgres", "-d", "django", "-c", dump], { stdio: "ignore" }); // prettier-ignore
      const endDump = () => sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_dump'");
      onTestFinished(() => {
        endDump();
        session.kill();
        rmSync(path);
        sql("DELETE FROM django_migrations WHERE name = '0003_waits'");
      });
      const jobs = ["--filter", `label=django-stack.name=${site.name}`, "--filter", "label=django-stack.job=release"];
      const waits = async () => {
        const running = docker("ps", "--quiet", ...jobs).trim();
        if (running === "" || !docker("logs", running).includes("waiting for its end")) throw new Error("it doesn't wait yet");
        // What was asked of the table meanwhile has been answered.
        await sleep(3000);
        expect(endDump()).toBe("t");
      };
      const { max } = await upUnderLoad(() => Promise.all([site.up(), vi.waitFor(waits, { timeout: 120_000, interval: 500 })]));
      // Not for as long as the dump takes, which is minutes here.
      expect(max).toBeLessThan(15_000);
      expect(sql("SELECT count(*) FROM django_migrations WHERE name = '0003_waits'")).toBe("1");
    });

    test("reloads nginx in place for a new name and the certificate that it needs", async () => {
      const nginx = await nginxProcess();
      const serial = () => docker("exec", `${prefix}-nginx`, "sha256sum", "/etc/nginx/stack/current/tls/certificate.pem");
      const before = serial();
      stack.config = { ...stack.config, aliases: ["www.movies.localhost", "films.localhost"] };
      await upUnderLoad();
      expect(await nginxProcess()).toBe(nginx);
      expect(serial()).not.toBe(before);
      expect((await anonymous().request("https://films.localhost:18443/healthz")).status).toBe(200);
    });

    test("a configuration that nginx -t accepts and only the reload refuses fails its gate with nginx's message, and the live one stays", async () => {
      const volume = `${prefix}-nginx-files`;
      const container = `${prefix}-nginx`;
      const current = () => docker("exec", container, "readlink", "/etc/nginx/stack/current").trim();
      const live = current();
      const image = docker("inspect", "--format", "{{.Image}}", container).trim();
      const { reloadNginx } = await import("../../components/nginx-reload.ts");
      const { dockerCommand } = await import("../../components/docker-engine.ts");
      // Puts a copy of the live configuration with a rate limit by the given key there, as the files job would, and opens the gate behind it.
      const goOverTo = async (id: string, key: string) => {
        const limit = `limit_req_zone ${key} zone=probe:1m rate=1r/s;`;
        const script = `cp -a /files/${live} /files/${id}; sed -i 's/${live}/${id}/; s|^http {|http { ${limit}|' /files/${id}/nginx.conf; ln -sfn ${id} /files/current`;
        docker("run", "--rm", "--user", "0:0", "--network", "none", "--volume", `${volume}:/files`, "--entrypoint", "/bin/sh", image, "-ec", script);
        // The test fails here where nginx -t doesn't accept the configuration.
        docker("exec", container, "sh", "-c", `nginx -t -c /etc/nginx/stack/${id}/nginx.conf 2>&1 | grep "test is successful"`);
        const job = docker("create", "--label", `django-stack.files=${id}`, image).trim();
        try {
          return await reloadNginx({ docker: dockerCommand(undefined), container, volume, jobId: job, patienceSeconds: 3 });
        } finally {
          docker("rm", "--force", job);
        }
      };
      expect(await goOverTo("aaaaaaaaaaaa", "$binary_remote_addr")).toBe("no replica leaves");
      await expect(goOverTo("bbbbbbbbbbbb", "$server_name")).rejects.toThrow(
        /nginx kept its configuration and goes on with it; it refused the new one: .*\[emerg\].*limit_req "probe" uses the "\$server_name" key while previously it used the "\$binary_remote_addr" key/,
      );
      expect(current()).toBe("aaaaaaaaaaaa");
      expect((await anonymous().request("/")).status).toBe(200);
    });

    test("removes images before the last three releases and files that no container uses", async () => {
      const ids = () =>
        docker("image", "ls", "--format", "{{.Tag}}", `${prefix}-django`)
          .trim()
          .split("\n")
          .filter((tag) => tag !== "current");
      const untagged = emptyImage({ name: site.name, stack: "prod" });
      const others = emptyImage({ name: site.name, stack: "staging" });
      for (const title of ["One", "Two", "Three"]) {
        editPage(title);
        await site.up();
      }
      const images = docker("image", "ls", "--no-trunc", "--format", "{{.ID}}", "--filter", "dangling=true").split("\n");
      docker("image", "rm", others);
      expect([images.includes(untagged), images.includes(others)]).toEqual([false, true]);
      expect(ids().length).toBeLessThanOrEqual(4);
      expect(ids()).toContain(site.outputs.release);
      const [replica] = containersOf("django");
      const folders = docker("exec", replica, "sh", "-c", "ls /run/stack").trim().split("\n");
      expect(folders.filter((folder) => folder !== "current").length).toBeLessThanOrEqual(2);
    });
  });
}
