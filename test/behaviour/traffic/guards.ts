import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EdgeClient } from "../../support/edge-client.ts";
import { docker, logsOf } from "../../support/site.ts";
import type { TrafficSite } from "../../support/traffic-site.ts";

const count = (statuses: readonly number[], wanted: number) => statuses.filter((status) => status === wanted).length;
const many = (number: number, path: string) => Array.from({ length: number }, (_, index) => `${path}${index}`);

/** Who may come in, and how often. */
export function guardsBehaviour(site: TrafficSite): void {
  describe("guards", () => {
    let one: EdgeClient;
    let other: EdgeClient;
    beforeAll(() => {
      [one, other] = [new EdgeClient(site, "one"), new EdgeClient(site, "other")];
    });
    afterAll(async () => {
      for (const client of [one, other]) client.remove();
      await site.upWith({});
    });

    test("a client that asks ten times too often gets 429, another one none, and a forged address changes nothing", async () => {
      await site.upWith({ limits: { requestsPerSecond: 10, burst: 10, connections: "none", loginAttemptsPerMinute: "none" } });
      const hasty = one.statuses(many(120, "/t/now?hasty"), { parallel: 20, options: ["--header", "X-Forwarded-For: 203.0.113.9"] });
      const calm = other.statuses(many(8, "/t/now?calm"));
      expect(new Set(hasty)).toEqual(new Set([200, 429]));
      expect(count(hasty, 429)).toBeGreaterThan(30);
      expect(new Set(calm)).toEqual(new Set([200]));
      const refused = (await site.logged("/t/now?hasty", 120)).filter(({ status }) => status === 429);
      expect(new Set(refused.map(({ remote_addr: address }) => address))).toEqual(new Set([one.address]));
      expect(refused.every(({ upstream_addr: upstream }) => upstream === "")).toBe(true);
      // This machine's own clients all come from Docker's address: they aren't counted as one.
      expect(new Set((await Promise.all(many(60, "/t/now?local").map((path) => site.get(path)))).map(({ status }) => status))).toEqual(
        new Set([200]),
      );
    });

    test("attempts to log in are counted apart from looking at the form", async () => {
      await site.upWith({ limits: { requestsPerSecond: "none", connections: "none", loginAttemptsPerMinute: 3 } });
      const login = (number: number, options: readonly string[]) => one.statuses(Array<string>(number).fill("/admin/login/"), { options });
      const attempts = login(12, ["--data", "username=admin&password=wrong"]);
      // Six are let through at once: Django refuses them for want of a token. The others don't reach it.
      expect([count(attempts, 403) >= 6, count(attempts, 429) >= 4, count(attempts, 403) + count(attempts, 429)]).toEqual([true, true, 12]);
      expect(new Set(login(12, []))).toEqual(new Set([200]));
      expect(new Set(one.statuses(many(2, "/admin//login/?"), { options: ["--data", "a=b"] }))).not.toContain(200);
      await site.upWith({ limits: { requestsPerSecond: "none", connections: "none", loginAttemptsPerMinute: 3, loginPaths: ["/*/login/"] } });
      expect(count(login(12, ["--data", "username=admin&password=wrong"]), 429)).toBeGreaterThanOrEqual(4);
    });

    test("a client has so many requests under way at once, and no more", async () => {
      await site.upWith({ limits: { requestsPerSecond: "none", connections: 3, loginAttemptsPerMinute: "none" } });
      const statuses = one.statuses(many(8, "/t/now?sleep=2&under-way"), { parallel: 8 });
      expect([count(statuses, 200), count(statuses, 429)]).toEqual([3, 5]);
      expect(other.statuses(["/t/now"])).toEqual([200]);
    });

    test("lists keep addresses out, of the site and of a part of it", async () => {
      await site.upWith({ access: { deny: [one.address], paths: { "/t/who": { allow: [other.address], deny: [] } } } });
      expect(one.statuses(["/t/now", "/static/movies/icon.svg"])).toEqual([403, 403]);
      expect(other.statuses(["/t/now", "/t/who"])).toEqual([200, 200]);
      expect((await site.get("/t/now")).status).toBe(200);
      for (const path of ["/t/who", "//t/who", "/t/./who", "/t/%77ho", "/t%2fwho"]) {
        expect([path, (await site.get(path)).status]).toEqual([path, 403]);
      }
      expect((await site.get("/t/x/../who")).status).toBe(404);
      // A path that only denies somebody stays closed to whom the site doesn't allow.
      await site.upWith({ access: { allow: [other.address], paths: { "/t/who": { deny: ["192.0.2.1"] } } } });
      expect([one.statuses(["/t/who"]), other.statuses(["/t/who"])]).toEqual([[403], [200]]);
      expect([one.statuses(["/t/now"]), other.statuses(["/t/now"])]).toEqual([[403], [200]]);
    });

    test("a part of the site that takes any path below it is closed by each of them", async () => {
      const climbing = ["/t/inner/..%2f..%2fx", "/t/inner/../x", "/t/inner/%2e%2E/x", "/t/inner%2f..%2fx"];
      await site.upWith({});
      // Django itself takes them.
      for (const path of ["/t/inner/x", ...climbing]) expect([path, (await site.get(path)).status]).toEqual([path, 200]);
      await site.upWith({ access: { paths: { "/t/inner/": { allow: [other.address], deny: [] } } } });
      expect((await site.get("/t/inner/x")).status).toBe(403);
      for (const path of climbing) expect([path, (await site.get(path)).status]).toEqual([path, 404]);
      expect(other.statuses(["/t/inner/x", "/t/inner/..%2fx"])).toEqual([200, 404]);
      expect((await site.get("/t/now?next=/../x")).status).toBe(200);
    });

    test("Django hears how a request came from nginx alone", async () => {
      const { host } = new URL(site.outputs.url);
      const headers = {
        Forwarded: "for=192.0.2.1;host=evil.example",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Protocol": "plain",
        "X-Forwarded-Server": "evil.example",
        "X-Forwarded-Ssl": "off",
      };
      const { status, text } = await site.get("/t/forwarded", { headers });
      const heard = [`X-Forwarded-Host: ${host}`, `X-Forwarded-Port: ${new URL(site.outputs.url).port}`, "X-Forwarded-Proto: https", ""].join("\n");
      expect([status, text.replace(/^X-Forwarded-For: (?!192\.0\.2\.1$)[0-9a-f.:]+\n/m, "")]).toEqual([200, heard]);
    });

    test("a name and password for the whole site, made by the stack; another version is another password", async () => {
      await site.upWith({ basicAuth: { username: "staging" } });
      const ask = async (password: string, path = "/t/now") =>
        (await site.get(path, { headers: { Authorization: `Basic ${Buffer.from(`staging:${password}`).toString("base64")}` } })).status;
      const password = site.outputs.basicAuthPassword as string;
      expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
      const closed = await site.get("/static/movies/icon.svg");
      expect([closed.status, closed.headers["www-authenticate"]]).toEqual([401, 'Basic realm="private"']);
      expect([(await site.get("/t/now")).status, await ask("wrong"), await ask(password)]).toEqual([401, 401, 200]);
      expect(docker("inspect", `${site.prefix}-nginx`) + logsOf(`${site.prefix}-nginx`)).not.toContain(password);
      await site.upWith({ basicAuth: { username: "staging" }, secrets: { basicAuthPasswordVersion: 2 } });
      expect([await ask(password), await ask(site.outputs.basicAuthPassword as string)]).toEqual([401, 200]);
    });

    test("maintenance closes the site to all but those it lets in, with a page and a time to come again", async () => {
      await site.upWith({ maintenance: { enabled: true, allow: [other.address], retryAfterSeconds: 600 } });
      const page = await site.get("/admin/login/");
      expect([page.status, page.headers["retry-after"]]).toEqual([503, "600"]);
      expect(page.text).toContain("<h1>Back soon</h1>");
      expect([one.statuses(["/t/now"]), other.statuses(["/t/now"])]).toEqual([[503], [200]]);
      expect((await site.get("/static/admin/css/base.css")).status).toBe(200);
    });

    test("directives of one's own work, and bad ones fail `up` with nginx's message while the site goes on", async () => {
      const file = join(dirname(site.project), "server.conf");
      writeFileSync(file, "location = /mine {\n    return 204;\n}\n");
      await site.upWith({ nginx: { serverSnippet: file } });
      expect((await site.get("/mine")).status).toBe(204);
      writeFileSync(file, "location = /mine {\n    retrun 204;\n}\n");
      await expect(site.up()).rejects.toThrow(/unknown directive "retrun" in .*snippet-server\.conf:2/);
      await sleep(200);
      expect((await site.get("/mine")).status).toBe(204);
      await site.upWith({});
      expect((await site.get("/mine")).status).toBe(404);
    });
  });
}
