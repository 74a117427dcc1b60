import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mediaPolicy } from "../../nginx/headers.ts";
import { compareVersions } from "../../scripts/setup/versions.mjs";
import { Client } from "../support/client.ts";
import { engineApi } from "../support/engine-api.ts";
import { ownedHeaders } from "../support/owned-headers.ts";
import { docker, png, type Site } from "../support/site.ts";

/** What a stack does once it is up. */
export function freshBehaviour(site: Site): void {
  const { project } = site;
  const anonymous = () => site.anonymous();
  const containersOf = (component: string) => site.containersOf(component);

  describe("a fresh stack", () => {
    test("answers on every URL of the outputs over verified TLS", async () => {
      const page = await anonymous().request("/");
      expect(page.status).toBe(200);
      expect(page.text).toContain("<h1>Movies</h1>");
      expect((await anonymous().request(site.outputs.apiUrl)).status).toBe(200);
      expect((await anonymous().request(site.outputs.adminUrl)).headers.location).toBe("/admin/login/?next=/admin/");
      for (const path of ["/healthz", "/readyz"]) expect((await anonymous().request(path)).text).toBe("ok\n");
      await expect(new Client({ url: site.outputs.url }).request("/")).rejects.toThrow(/certificate|issuer/);
    });

    test("sends every header once, with the value of its one owner", async () => {
      for (const path of ["/", "/admin/login/", "/static/admin/css/base.css", "/nothing-here"]) {
        const { headers } = await anonymous().request(path);
        expect({ path, ...headers }).toMatchObject({
          ...ownedHeaders,
          "content-security-policy":
            "default-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'",
          "x-release": site.outputs.release,
        });
      }
    });

    test("redirects HTTP to the HTTPS port and rejects names that aren't its own", async () => {
      const plain = new Client({ url: "http://movies.localhost:18080" });
      const redirect = await plain.request("/admin/?a=b");
      expect([redirect.status, redirect.headers.location]).toEqual([301, "https://movies.localhost:18443/admin/?a=b"]);
      expect(redirect.headers["strict-transport-security"]).toBeUndefined();
      await expect(plain.request("/", { host: "evil.example" })).rejects.toThrow(/socket hang up|ECONNRESET/);
      await expect(new Client({ url: "https://evil.example:18443", authority: site.outputs.caCertificate }).request("/")).rejects.toThrow(
        /unrecognized name|alert/i,
      );
      expect((await new Client({ url: "https://www.movies.localhost:18443", authority: site.outputs.caCertificate }).request("/")).status).toBe(200);
    });

    test("serves static files from the volume for 30 days, under the hashed name that the page asks for", async () => {
      const page = await anonymous().request("/");
      const css = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(page.text)?.[1] ?? "";
      const answer = await anonymous().request(css);
      expect(answer.body).toEqual(readFileSync(join(project, "movies/static/movies/site.css")));
      expect(answer.headers["cache-control"]).toBe("max-age=2592000, immutable");
      const packed = await anonymous().request("/static/admin/css/base.css", { headers: { "Accept-Encoding": "gzip" } });
      expect(packed.headers["content-encoding"]).toBe("gzip");
      expect((await anonymous().request("/static/staticfiles.json")).status).toBe(404);
      expect((await anonymous().request("/static/..%2f..%2f..%2fetc/passwd")).status).toBeGreaterThanOrEqual(400);
    });

    test("logs in through the admin's form, takes a poster and serves the same bytes", async () => {
      const login = await site.admin.login("admin", site.outputs.superuserPassword);
      expect([login.status, login.headers.location]).toEqual([302, "/admin/"]);
      expect(String(login.headers["set-cookie"])).toMatch(/sessionid=[^;]+;.*HttpOnly.*Secure/);
      const created = await site.admin.postForm(
        "/api/movies/",
        { title: "Alien", year: "1979" },
        { poster: { name: "alien.png", type: "image/png", content: png } },
      );
      expect(created.status).toBe(201);
      const poster = await anonymous().request(JSON.parse(created.text).poster);
      expect(poster.body).toEqual(png);
      expect(poster.headers["content-security-policy"]).toBe(mediaPolicy);
      expect([poster.headers["x-content-type-options"], poster.headers["strict-transport-security"]]).toEqual(["nosniff", "max-age=63072000"]);
      expect(JSON.parse(created.text).poster).toBe("https://movies.localhost:18443/media/posters/alien.png");
    });

    test("tells Django who the client is, whatever the client says", async () => {
      await anonymous().request("/?forged", { headers: { "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http", "X-Real-IP": "6.6.6.6" } });
      const line =
        docker("logs", containersOf("nginx")[0])
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
          expect(HostConfig.CpuQuota).toBeGreaterThan(0);
          expect(Object.keys(HostConfig.PortBindings ?? {})).toEqual(component === "nginx" ? ["8080/tcp", "8443/tcp"] : []);
        }
      }
    });

    test("has starting services looked at twice a second, and others each ten seconds, by an engine that can", async () => {
      const recent = compareVersions(docker("version", "--format", "{{.Server.Version}}").trim(), "25.0") >= 0;
      for (const id of ["nginx", "django", "postgres", "backup"].flatMap(containersOf)) {
        const { Config, Name } = await engineApi("GET", `/containers/${id}/json`);
        // Compose's file leaves the first of the two to the engine.
        const starting = Config.Labels["com.docker.compose.project"] === undefined ? 0.5 : 0;
        const seconds = (nanoseconds = 0) => nanoseconds / 1e9;
        const { Interval, StartInterval } = Config.Healthcheck;
        const own = /-(nginx|postgres)/.test(Name) ? 1.7 : /-django-/.test(Name) ? 2.7 : 5.7;
        expect([Name, seconds(Interval), seconds(StartInterval)]).toEqual([Name, ...(recent ? [10, starting] : [own, 0])]);
      }
    });

    test("leaves no volume without a name, whatever the images declare", () => {
      const all = docker("ps", "--all", "--quiet", "--filter", `label=django-stack.name=${site.name}`).trim().split("\n");
      const volumes = all.flatMap((id) =>
        JSON.parse(docker("inspect", "--format", "{{json .Mounts}}", id)).filter(({ Type }: { Type: string }) => Type === "volume"),
      );
      expect(volumes.length).toBeGreaterThan(10);
      expect(volumes.map(({ Name }) => Name).filter((name) => !name.startsWith(site.prefix))).toEqual([]);
    });

    test("keeps the database on a network with no way out, and nginx away from it", async () => {
      const { edge, app, db } = site.outputs.networks;
      expect((await engineApi("GET", `/networks/${db}`)).Internal).toBe(true);
      const networksOf = async (component: string) =>
        Object.keys((await engineApi("GET", `/containers/${containersOf(component)[0]}/json`)).NetworkSettings.Networks).sort();
      expect(await networksOf("nginx")).toEqual([app, edge].sort());
      expect(await networksOf("postgres")).toEqual([db]);
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
}
