import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Client } from "../support/client.ts";
import { engineApi } from "../support/engine-api.ts";
import type { MakeStack } from "../support/stack-driver.ts";
import { trafficDuring } from "../support/traffic.ts";

/** What production has to do, whoever runs the program: real containers, under traffic where it says so. */
export function prodBehaviour(name: string, makeStack: MakeStack): void {
  const project = join(tmpdir(), `${name}-prod-${process.pid}`, "django");

  const baseConfig = {
    environment: "prod",
    name,
    domain: "movies.localhost",
    aliases: ["www.movies.localhost"],
    httpPort: "18080",
    httpsPort: "18443",
    bindAddress: "127.0.0.1",
    app: { context: project, drainSeconds: 6, requestGraceSeconds: 20, startSeconds: 20 },
    superuser: { username: "admin", email: "admin@example.com" },
  };
  const stack = makeStack("prod", baseConfig);
  const prefix = `${name}-prod`;
  const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8", maxBuffer: 1e8 });
  const containersOf = (component: string) =>
    docker("ps", "--quiet", "--filter", `label=django-stack.name=${name}`, "--filter", `label=django-stack.component=${component}`)
      .trim()
      .split("\n");

  let outputs: Record<string, any>;
  let admin: Client;
  const anonymous = () => new Client({ url: outputs.url, authority: outputs.caCertificate });
  const up = async () => ({ outputs } = await stack.up());

  beforeAll(async () => {
    cpSync(join(import.meta.dirname, "../../django"), project, { recursive: true });
    await stack.sweep();
    await up();
    admin = anonymous();
  });

  afterAll(async () => {
    await stack.sweep();
    stack.dispose();
    rmSync(dirname(project), { recursive: true });
  });

  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");

  describe("a fresh stack", () => {
    test("answers on every URL of the outputs over verified TLS", async () => {
      const page = await anonymous().request("/");
      expect(page.status).toBe(200);
      expect(page.text).toContain("<h1>Movies</h1>");
      expect((await anonymous().request(outputs.apiUrl)).status).toBe(200);
      expect((await anonymous().request(outputs.adminUrl)).headers.location).toBe("/admin/login/?next=/admin/");
      for (const path of ["/healthz", "/readyz"]) expect((await anonymous().request(path)).text).toBe("ok\n");
      await expect(new Client({ url: outputs.url }).request("/")).rejects.toThrow(/certificate|issuer/);
    });

    test("sends every header once, with the value of its one owner", async () => {
      for (const path of ["/", "/admin/login/", "/static/admin/css/base.css", "/nothing-here"]) {
        const { headers } = await anonymous().request(path);
        expect({ path, ...headers }).toMatchObject({
          "strict-transport-security": "max-age=63072000",
          "x-content-type-options": "nosniff",
          "x-frame-options": "DENY",
          "referrer-policy": "same-origin",
          "x-xss-protection": "0",
          "cross-origin-opener-policy": "same-origin",
          "cross-origin-resource-policy": "same-origin",
          "x-release": outputs.release,
          server: "nginx",
        });
      }
    });

    test("redirects HTTP to the HTTPS port and rejects names that aren't its own", async () => {
      const plain = new Client({ url: "http://movies.localhost:18080" });
      const redirect = await plain.request("/admin/?a=b");
      expect([redirect.status, redirect.headers.location]).toEqual([301, "https://movies.localhost:18443/admin/?a=b"]);
      expect(redirect.headers["strict-transport-security"]).toBeUndefined();
      await expect(plain.request("/", { host: "evil.example" })).rejects.toThrow(/socket hang up|ECONNRESET/);
      await expect(new Client({ url: "https://evil.example:18443", authority: outputs.caCertificate }).request("/")).rejects.toThrow(
        /unrecognized name|alert/i,
      );
      expect((await new Client({ url: "https://www.movies.localhost:18443", authority: outputs.caCertificate }).request("/")).status).toBe(200);
    });

    test("serves static files from the volume for 30 days, under the hashed name that the page asks for", async () => {
      const page = await anonymous().request("/");
      const css = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(page.text)?.[1] ?? "";
      const answer = await anonymous().request(css);
      expect(answer.body).toEqual(readFileSync(join(project, "movies/static/movies/site.css")));
      expect(answer.headers["cache-control"]).toBe("max-age=2592000");
      const packed = await anonymous().request("/static/admin/css/base.css", { headers: { "Accept-Encoding": "gzip" } });
      expect(packed.headers["content-encoding"]).toBe("gzip");
      expect((await anonymous().request("/static/staticfiles.json")).status).toBe(404);
      expect((await anonymous().request("/static/..%2f..%2f..%2fetc/passwd")).status).toBeGreaterThanOrEqual(400);
    });

    test("logs in through the admin's form, takes a poster and serves the same bytes", async () => {
      const login = await admin.login("admin", outputs.superuserPassword);
      expect([login.status, login.headers.location]).toEqual([302, "/admin/"]);
      expect(String(login.headers["set-cookie"])).toMatch(/sessionid=[^;]+;.*HttpOnly.*Secure/);
      const created = await admin.postForm(
        "/api/movies/",
        { title: "Alien", year: "1979" },
        { poster: { name: "alien.png", type: "image/png", content: png } },
      );
      expect(created.status).toBe(201);
      const poster = await anonymous().request(JSON.parse(created.text).poster);
      expect(poster.body).toEqual(png);
      expect(poster.headers["content-security-policy"]).toBe("script-src 'none'; object-src 'none'; base-uri 'none'");
      expect([poster.headers["x-content-type-options"], poster.headers["strict-transport-security"]]).toEqual(["nosniff", "max-age=63072000"]);
      expect(JSON.parse(created.text).poster).toBe("https://movies.localhost:18443/media/posters/alien.png");
    });

    test("tells Django who the client is, whatever the client says", async () => {
      await anonymous().request("/?forged", { headers: { "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http", "X-Real-IP": "6.6.6.6" } });
      const line =
        docker("logs", `${prefix}-nginx`)
          .split("\n")
          .find((entry) => entry.includes("/?forged")) ?? "{}";
      const entry = JSON.parse(line);
      expect(Object.keys(entry)).toEqual([
        "time",
        "request_id",
        "remote_addr",
        "method",
        "host",
        "uri",
        "protocol",
        "status",
        "bytes",
        "request_time",
        "upstream_addr",
        "upstream_time",
        "cache",
        "user_agent",
      ]);
      expect(entry.status).toBe(200);
      expect(entry.remote_addr).not.toBe("6.6.6.6");
    });

    test("passes Django's deployment checks in silence", () => {
      const [replica] = containersOf("django");
      const files = docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', replica).trim();
      const checked = docker(
        "exec",
        replica,
        "sh",
        `/run/stack/${files}/entry.sh`,
        "run",
        "python",
        "manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
      );
      expect(checked).toBe("System check identified no issues (0 silenced).\n");
    });

    test("gives every service a user, a read-only root, no capabilities and limits", async () => {
      for (const [component, user] of [
        ["nginx", "101:101"],
        ["django", "10001:10001"],
        ["postgres", "999:999"],
      ]) {
        for (const id of containersOf(component)) {
          const { Config, HostConfig } = await engineApi("GET", `/containers/${id}/json`);
          expect([component, Config.User]).toEqual([component, user]);
          expect(HostConfig).toMatchObject({
            ReadonlyRootfs: true,
            CapDrop: ["ALL"],
            Privileged: false,
            SecurityOpt: ["no-new-privileges:true"],
            RestartPolicy: { Name: "unless-stopped" },
          });
          expect(HostConfig.Memory).toBe(HostConfig.MemorySwap);
          expect(Object.keys(HostConfig.PortBindings ?? {})).toEqual(component === "nginx" ? ["8080/tcp", "8443/tcp"] : []);
        }
      }
    });

    test("keeps the database on a network with no way out, and nginx away from it", async () => {
      expect((await engineApi("GET", `/networks/${prefix}-db`)).Internal).toBe(true);
      const nginx = await engineApi("GET", `/containers/${prefix}-nginx/json`);
      expect(Object.keys(nginx.NetworkSettings.Networks).sort()).toEqual([`${prefix}-app`, `${prefix}-edge`]);
      const [postgres] = containersOf("postgres");
      expect(Object.keys((await engineApi("GET", `/containers/${postgres}/json`)).NetworkSettings.Networks)).toEqual([`${prefix}-db`]);
    });

    test("makes a UTF-8 database with checksums, an owner who can't log in, and no password for the superuser", () => {
      const [postgres] = containersOf("postgres");
      const sql = (text: string) => docker("exec", postgres, "psql", "--no-psqlrc", "-U", "postgres", "-d", "django", "-Atc", text).trim();
      expect(sql("show server_encoding")).toBe("UTF8");
      expect(sql("show data_checksums")).toBe("on");
      expect(sql("select rolcanlogin, rolsuper, rolcreaterole from pg_roles where rolname = 'django'")).toBe("f|f|f");
      expect(sql("select count(*) from pg_authid where rolpassword is not null and rolpassword not like 'SCRAM-SHA-256$%'")).toBe("0");
      expect(sql("select rolpassword is null from pg_authid where rolname = 'postgres'")).toBe("t");
      expect(sql("select distinct tableowner from pg_tables where schemaname = 'public'")).toBe("django");
      expect(
        sql("select distinct type || ' ' || auth_method from pg_hba_file_rules where type = 'host' and address not in ('127.0.0.1', '::1')"),
      ).toBe("host scram-sha-256");
      expect(docker("exec", postgres, "sh", "-c", "ls -A /var/lib/postgresql/18/docker | head -1 | wc -l").trim()).toBe("1");
    });
  });

  // The path comes from `npm test`, which prints the reason where there is no browser.
  describe.skipIf(!process.env.DJANGO_STACK_TEST_CHROMIUM)("in a browser", () => {
    let browser: Browser;
    beforeAll(async () => {
      const quiet = [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ];
      browser = await chromium.launch({ executablePath: process.env.DJANGO_STACK_TEST_CHROMIUM ?? "", args: quiet });
    });
    afterAll(() => browser.close());

    test("the page and the admin look and work as they should, with an empty console", async () => {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      const said: string[] = [];
      page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => said.push(error.message));
      page.on("requestfailed", (request) => said.push(`failed: ${request.url()}`));
      await page.goto(outputs.url);
      expect(await page.locator("h1").evaluate((element) => getComputedStyle(element).color)).toBe("rgb(20, 40, 60)");
      await page.fill("#find", "no such movie");
      expect(await page.locator("#count").textContent()).toMatch(/^0 of \d+$/);
      await page.goto(outputs.adminUrl);
      await page.fill("#id_username", "admin");
      await page.fill("#id_password", outputs.superuserPassword);
      await page.click("input[type=submit]");
      await page.waitForURL(outputs.adminUrl);
      expect(await page.locator("#header").evaluate((element) => getComputedStyle(element).backgroundColor)).not.toBe("rgba(0, 0, 0, 0)");
      expect(await page.locator("text=Movies").first().isVisible()).toBe(true);
      expect(said).toEqual([]);
    });
  });

  describe("secrets", () => {
    test("are in no inspect, history, log or process environment but the app's own, and the search finds a planted one", async () => {
      const [replica] = containersOf("django");
      const files = docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', replica).trim();
      const read = (name: string) => docker("exec", replica, "cat", `/run/stack/${files}/${name}`);
      const secrets = ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_PASSWORD", "DJANGO_SUPERUSER_PASSWORD"].map(read);
      expect(secrets.every((secret) => secret.length >= 24)).toBe(true);
      const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), encodeURIComponent(secret)]);
      const places: string[] = [];
      const all = docker("ps", "--all", "--quiet", "--filter", `label=django-stack.name=${name}`).trim().split("\n");
      for (const id of all) {
        places.push(docker("inspect", id), docker("logs", id));
        const { State, Config } = await engineApi("GET", `/containers/${id}/json`);
        if (!State.Running || Config.Labels["django-stack.component"] === "django") continue;
        const pids = docker("top", id, "-eo", "pid").trim().split("\n").slice(1);
        for (const pid of pids) places.push(readFileSync(`/proc/${pid.trim()}/environ`, "utf8"), readFileSync(`/proc/${pid.trim()}/cmdline`, "utf8"));
      }
      places.push(docker("history", "--no-trunc", outputs.image), docker("image", "inspect", outputs.image));
      const found = (texts: string[]) => forms.filter((form) => texts.some((text) => text.includes(form)));
      expect(found(places)).toEqual([]);
      expect(found([...places, `planted=${secrets[0]}`])).toContain(secrets[0]);
      expect(found([...places, Buffer.from(secrets[2]).toString("base64")])).not.toEqual([]);
    });

    test("can be read by the app's user alone", () => {
      const [replica] = containersOf("django");
      const files = docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', replica).trim();
      expect(docker("exec", replica, "stat", "-c", "%U %u %a", `/run/stack/${files}/SECRET_KEY`).trim()).toBe("UNKNOWN 10001 400");
      expect(docker("exec", `${prefix}-nginx`, "stat", "-c", "%u %a", "/etc/nginx/stack/current/tls/key.pem").trim()).toBe("101 400");
    });
  });

  describe("a change under traffic", () => {
    const visitors: Client[] = [];
    // Each of these has one request in flight at a time: Django gives a session a new id when it first meets it under a
    // rotated key, and a second request that was under way with the old id would find itself logged out.
    const idle: Client[] = [];
    beforeAll(async () => {
      for (let count = 0; count < 16; count++) {
        const visitor = anonymous();
        expect((await visitor.login("admin", outputs.superuserPassword)).status).toBe(302);
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
      const oldRelease = outputs.release;
      const before = await movies();
      appendFileSync(join(project, "movies/static/movies/site.css"), "h1 { color: green; }\n");
      writeFileSync(
        join(project, "movies/templates/movies/index.html"),
        readFileSync(join(project, "movies/templates/movies/index.html"), "utf8").replace("<h1>Movies", "<h1>Films"),
      );
      const nginx = (await engineApi("GET", `/containers/${prefix}-nginx/json`)).Id;
      const result = await traffic(up);
      expect(result.failures).toEqual([]);
      expect(result.sent).toBeGreaterThan(100);
      expect(result.releases).toEqual([oldRelease, outputs.release]);
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
      const result = await traffic(up);
      expect(result.failures).toEqual([]);
      for (const visitor of [admin, ...visitors]) expect((await visitor.request("/admin/")).status).toBe(200);
    });

    test("scales from two replicas to three to one with no failed request", async () => {
      const app = stack.config.app as Record<string, unknown>;
      for (const replicas of [3, 1]) {
        stack.config = { ...stack.config, app: { ...app, replicas } };
        const result = await traffic(up);
        expect(result.failures).toEqual([]);
        expect(containersOf("django")).toHaveLength(replicas);
      }
      stack.config = { ...stack.config, app };
      await up();
    });

    test("reloads nginx in place for a changed setting", async () => {
      const pid = (await engineApi("GET", `/containers/${prefix}-nginx/json`)).State.Pid;
      stack.config = { ...stack.config, nginx: { keepaliveSeconds: 30 } };
      const result = await traffic(up);
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
        const worker =
          docker("top", replica, "-eo", "pid,ppid,args")
            .trim()
            .split("\n")
            .filter((line) => line.includes("gunicorn"))
            .at(-1) ?? "";
        process.kill(Number(worker.trim().split(/\s+/)[0]), "SIGTERM");
        for (let attempt = 0; attempt < 2; attempt++) await expect(stack.up()).rejects.toThrow(/-prod-django-[01]-[0-9a-f]{7} didn't become healthy/);
      });
      expect(result.failures).toEqual([]);
      expect(result.releases).toEqual([outputs.release]);
      writeFileSync(health, good);
      await up();
      expect((await anonymous().request("/")).status).toBe(200);
      expect(containersOf("django")).toHaveLength(2);
    });

    test("a configuration that only the reload refuses fails up with nginx's message, and the live one stays current", async () => {
      const volume = `${prefix}-nginx-files`;
      const live = docker("exec", `${prefix}-nginx`, "readlink", "/etc/nginx/stack/current").trim();
      const { reloadNginx } = await import("../../components/nginx-reload.ts");
      const { dockerCommand } = await import("../../components/docker-engine.ts");
      // Another size for a shared memory zone in use: `nginx -t` lets it pass, a running nginx refuses it.
      const image = docker("inspect", "--format", "{{.Image}}", `${prefix}-nginx`).trim();
      const script = `cp -R /files/${live} /files/badbadbadbad && sed -i 's/${live}/badbadbadbad/; s/shared:tls:10m/shared:tls:10m/; s/zone django 256k/zone tls 256k/' /files/badbadbadbad/nginx.conf && ln -sfn badbadbadbad /files/current`;
      docker("run", "--rm", "--network", "none", "--volume", `${volume}:/files`, "--entrypoint", "/bin/sh", image, "-ec", script);
      const job = docker("create", "--label", "django-stack.files=badbadbadbad", image).trim();
      const reload = reloadNginx({ docker: dockerCommand(undefined), container: `${prefix}-nginx`, volume, jobId: job, patienceMilliseconds: 3000 });
      await expect(reload).rejects.toThrow(/nginx kept its configuration and goes on with it; it refused the new one: .*\[emerg\].*/);
      expect(docker("exec", `${prefix}-nginx`, "readlink", "/etc/nginx/stack/current").trim()).toBe(live);
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
        await up();
      }
      expect(ids().length).toBeLessThanOrEqual(4);
      expect(ids()).toContain(outputs.release);
      const [replica] = containersOf("django");
      const folders = docker("exec", replica, "sh", "-c", "ls /run/stack").trim().split("\n");
      expect(folders.filter((folder) => folder !== "current").length).toBeLessThanOrEqual(2);
    });
  });

  describe("data", () => {
    test("outlives a destroy of a stack that protects it, and the next up serves the same rows with new passwords", async () => {
      const rows = (await anonymous().request("/api/movies/?search=Alien")).text;
      const poster = JSON.parse(rows).results[0].poster;
      await stack.destroy();
      const kept = docker("volume", "ls", "--format", "{{.Name}}", "--filter", `name=${prefix}-`).trim().split("\n").sort();
      expect(kept).toEqual([`${prefix}-media-data`, `${prefix}-owner`, `${prefix}-postgres-18-data`]);
      expect(docker("ps", "--all", "--quiet", "--filter", `label=django-stack.name=${name}`).trim()).toBe("");
      await up();
      expect((await anonymous().request("/api/movies/?search=Alien")).text).toBe(rows);
      expect((await anonymous().request(poster)).body).toEqual(png);
    });
  });
}
