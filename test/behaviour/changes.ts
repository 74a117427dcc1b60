import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Client } from "../support/client.ts";
import { engineApi } from "../support/engine-api.ts";
import { docker, type Site } from "../support/site.ts";
import { trafficDuring } from "../support/traffic.ts";

/** What each kind of change does to the visitors of the moment. */
export function changesBehaviour(site: Site): void {
  const { prefix, project, stack } = site;
  const anonymous = () => site.anonymous();
  const containersOf = (component: string) => site.containersOf(component);

  describe("a change under traffic", () => {
    const visitors: Client[] = [];
    // Each of these has one request in flight at a time: Django gives a session a new id when it first meets it under a
    // rotated key, and a second request that was under way with the old id would find itself logged out.
    const idle: Client[] = [];
    beforeAll(async () => {
      for (let count = 0; count < 16; count++) {
        const visitor = anonymous();
        expect((await visitor.login("admin", site.outputs.superuserPassword)).status).toBe(302);
        visitors.push(visitor);
      }
      idle.push(...visitors);
    });
    const nextIdle = async (): Promise<Client> => {
      // A slow machine answers late; a site that doesn't answer at all is the request's own failure.
      for (let waited = 0; waited < 4000; waited++) {
        const visitor = idle.shift();
        if (visitor !== undefined) return visitor;
        await sleep(10);
      }
      throw new Error("every visitor has waited for an answer for 40 s");
    };
    const traffic = (work: () => Promise<unknown>) =>
      trafficDuring(
        {
          perSecond: 20,
          request: async (number) => {
            if (number % 2 === 0) return anonymous().request("/");
            const visitor = await nextIdle();
            try {
              return await visitor.postForm("/api/movies/", { title: `Load ${number}`, year: "2000" });
            } finally {
              idle.push(visitor);
            }
          },
        },
        work,
      );
    const movies = async () => JSON.parse((await anonymous().request("/api/movies/")).text).count as number;

    test("changes nothing when nothing changed", async () => {
      expect((await stack.up()).operations).toEqual([]);
    });

    test("ships new code and a new style sheet with no failed request, and the old style sheet still answers", async () => {
      const oldPage = (await anonymous().request("/")).text;
      const oldCss = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(oldPage)?.[1] ?? "";
      const oldRelease = site.outputs.release;
      const before = await movies();
      appendFileSync(join(project, "movies/static/movies/site.css"), "h1 { color: green; }\n");
      writeFileSync(
        join(project, "movies/templates/movies/index.html"),
        readFileSync(join(project, "movies/templates/movies/index.html"), "utf8").replace("<h1>Movies", "<h1>Films"),
      );
      const nginx = (await engineApi("GET", `/containers/${prefix}-nginx/json`)).Id;
      const result = await traffic(() => site.up());
      expect(result.failures).toEqual([]);
      expect(result.sent).toBeGreaterThan(100);
      expect(result.releases).toEqual([oldRelease, site.outputs.release]);
      expect((await engineApi("GET", `/containers/${prefix}-nginx/json`)).Id).toBe(nginx);
      const page = (await anonymous().request("/")).text;
      const css = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(page)?.[1] ?? "";
      expect(page).toContain("<h1>Films</h1>");
      expect((await anonymous().request(css)).text).toContain("color: green");
      expect((await anonymous().request(oldCss)).status).toBe(200);
      expect(await movies()).toBe(before + Math.floor(result.sent / 2));
    });

    test("rotates the database password and the secret key with no failed request, and the session survives", async () => {
      stack.config = { ...stack.config, secrets: { databasePasswordVersion: 2, secretKeyVersion: 2 } };
      const result = await traffic(() => site.up());
      expect(result.failures).toEqual([]);
      for (const visitor of [site.admin, ...visitors]) expect((await visitor.request("/admin/")).status).toBe(200);
    });

    test("scales from two replicas to three to one with no failed request", async () => {
      const app = stack.config.app as Record<string, unknown>;
      for (const replicas of [3, 1]) {
        stack.config = { ...stack.config, app: { ...app, replicas } };
        const result = await traffic(() => site.up());
        expect(result.failures).toEqual([]);
        expect(containersOf("django")).toHaveLength(replicas);
      }
      stack.config = { ...stack.config, app };
      await site.up();
    });

    test("reloads nginx in place for a changed setting", async () => {
      const pid = (await engineApi("GET", `/containers/${prefix}-nginx/json`)).State.Pid;
      stack.config = { ...stack.config, nginx: { keepaliveSeconds: 30 } };
      const result = await traffic(() => site.up());
      expect(result.failures).toEqual([]);
      expect((await engineApi("GET", `/containers/${prefix}-nginx/json`)).State.Pid).toBe(pid);
      expect(docker("exec", `${prefix}-nginx`, "nginx", "-T", "-q", "-c", "/etc/nginx/stack/current/nginx.conf")).toContain("keepalive_timeout 30s;");
    });

    test("a failing migration fails up with its log, and the old version goes on", async () => {
      const migration = join(project, "movies/migrations/0002_fails.py");
      writeFileSync(
        migration,
        `from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("movies", "0001_initial")]
    operations = [
        migrations.AddField("movie", "stars", models.IntegerField(default=0)),
        migrations.RunSQL("SELECT 1/0"),
    ]
`,
      );
      onTestFinished(() => rmSync(migration));
      const [postgres] = containersOf("postgres");
      const schema = () => docker("exec", postgres, "pg_dump", "-U", "postgres", "--schema-only", "--restrict-key=test", "django");
      const before = schema();
      const result = await traffic(async () => {
        for (let attempt = 0; attempt < 2; attempt++)
          await expect(stack.up()).rejects.toThrow(/-prod-django-release failed with exit code 1[^]*division by zero/);
      });
      expect(result.failures).toEqual([]);
      expect(result.releases).toHaveLength(1);
      expect(schema()).toBe(before);
    });

    test("a build that fails fails up with its last lines, and nothing is touched", async () => {
      const dockerfile = join(project, "Dockerfile");
      const good = readFileSync(dockerfile, "utf8");
      writeFileSync(dockerfile, `${good}RUN echo "this build is broken on purpose" >&2 && exit 3\n`);
      onTestFinished(() => writeFileSync(dockerfile, good));
      const before = docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}");
      const result = await traffic(() =>
        expect(stack.up()).rejects.toThrow(/this build is broken on purpose[^]*returned a non-zero code: 3|exit code: 3/),
      );
      expect(result.failures).toEqual([]);
      expect(docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}")).toBe(before);
    });

    test("an image that crashes at import fails up three times before anything is touched", async () => {
      const wsgi = join(project, "config/wsgi.py");
      const good = readFileSync(wsgi, "utf8");
      writeFileSync(wsgi, `${good}\nraise RuntimeError("broken release")\n`);
      onTestFinished(() => writeFileSync(wsgi, good));
      const replicas = containersOf("django");
      const result = await traffic(async () => {
        for (let attempt = 0; attempt < 3; attempt++)
          await expect(stack.up()).rejects.toThrow(/-prod-django-release failed with exit code 1[^]*broken release/);
      });
      expect(result.failures).toEqual([]);
      expect(containersOf("django")).toEqual(replicas);
    });

    test("an image that never becomes healthy fails up again and again, gets no request, and a good one heals", async () => {
      const health = join(project, "config/health.py");
      const good = readFileSync(health, "utf8");
      writeFileSync(health, good.replace('HttpResponse("ok\\n"', 'HttpResponse("broken\\n", status=500'));
      onTestFinished(() => writeFileSync(health, good));
      expect(readFileSync(health, "utf8")).toContain("status=500");
      const result = await traffic(async () => {
        // An old worker that is recycled meanwhile must find its own static manifest.
        const [replica] = containersOf("django");
        const endLastWorker = `
import os, signal
others = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
workers = [pid for pid in others if b"gunicorn" in open(f"/proc/{pid}/cmdline", "rb").read()]
os.kill(max(workers), signal.SIGTERM)`;
        docker("exec", replica, "python", "-c", endLastWorker);
        for (let attempt = 0; attempt < 2; attempt++) await expect(stack.up()).rejects.toThrow(/-prod-django-[01]-[0-9a-f]{7} didn't become healthy/);
      });
      expect(result.failures).toEqual([]);
      expect(result.releases).toEqual([site.outputs.release]);
      writeFileSync(health, good);
      await site.up();
      expect((await anonymous().request("/")).status).toBe(200);
      expect(containersOf("django")).toHaveLength(2);
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
          return await reloadNginx({ docker: dockerCommand(undefined), container, volume, jobId: job, patienceMilliseconds: 3000 });
        } finally {
          docker("rm", "--force", job);
        }
      };
      expect(await goOverTo("aaaaaaaaaaaa", "$binary_remote_addr")).toBe(true);
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
      for (const title of ["One", "Two", "Three"]) {
        writeFileSync(
          join(project, "movies/templates/movies/index.html"),
          readFileSync(join(project, "movies/templates/movies/index.html"), "utf8").replace(/<h1>[^<]*/, `<h1>${title}`),
        );
        await site.up();
      }
      expect(ids().length).toBeLessThanOrEqual(4);
      expect(ids()).toContain(site.outputs.release);
      const [replica] = containersOf("django");
      const folders = docker("exec", replica, "sh", "-c", "ls /run/stack").trim().split("\n");
      expect(folders.filter((folder) => folder !== "current").length).toBeLessThanOrEqual(2);
    });
  });
}
