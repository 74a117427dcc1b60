import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../../support/client.ts";
import { ownedHeaders } from "../../support/owned-headers.ts";
import { docker } from "../../support/site.ts";
import type { TrafficSite } from "../../support/traffic-site.ts";

/** What is answered from the cache, and what never is. */
export function cacheBehaviour(site: TrafficSite): void {
  describe("the cache", () => {
    const cached = { cache: { enabled: true, sessionCookies: ["sessionid", "__Secure-session.id"] } };
    const twice = async (path: string, headers: Record<string, string> = {}, client = site.anonymous()) => {
      const [first, second] = [await client.request(path, { headers }), await client.request(path, { headers })];
      return { same: first.text === second.text, states: [first.headers["x-cache"], second.headers["x-cache"]] };
    };
    const logIn = async (): Promise<Client> => {
      const client = site.anonymous();
      expect((await client.login("admin", site.outputs.superuserPassword)).status).toBe(302);
      return client;
    };

    beforeAll(() => site.upWith(cached));
    afterAll(() => site.upWith({}));

    test("keeps a page, for HEAD too, and says so; the headers are all there", async () => {
      expect(await twice("/t/now?page")).toEqual({ same: true, states: ["MISS", "HIT"] });
      const head = await site.get("/t/now?page", { method: "HEAD" });
      expect([head.status, head.headers["x-cache"], head.text]).toEqual([200, "HIT", ""]);
      expect(head.headers).toMatchObject({ ...ownedHeaders, "x-release": site.outputs.release });
      expect((await site.logged("/t/now?page", 3)).map(({ cache }) => cache)).toEqual(["MISS", "HIT", "HIT"]);
    });

    test.each([
      ["an answer that sets a cookie", "/t/now?cookie", {}, "MISS"],
      ["what says that it's private", "/t/now?h-Cache-Control=private", {}, "MISS"],
      ["what says no-store", "/t/now?h-Cache-Control=no-store", {}, "MISS"],
      ["what varies with everything", "/t/now?h-Vary=*", {}, "MISS"],
      ["a failure", "/t/now?status=500", {}, "MISS"],
      ["an answer to somebody with a session", "/t/now?session", { Cookie: "sessionid=abc" }, "BYPASS"],
      ["an answer to somebody with a session of another name", "/t/now?named", { Cookie: "a=1; __Secure-session.id=abc" }, "BYPASS"],
      ["an answer to somebody with a second session cookie", "/t/now?second", { Cookie: "sessionid=; sessionid =abc" }, "BYPASS"],
      ["an answer to somebody who has chosen a language", "/t/now?chosen", { Cookie: "django_language=de" }, "BYPASS"],
      ["an answer to somebody whom a message waits for", "/t/now?message", { Cookie: "messages=W10" }, "BYPASS"],
      ["an answer to somebody with credentials", "/t/said?credentials", { Authorization: "Bearer abc" }, "BYPASS"],
      ["the admin", "/admin/login/", {}, undefined],
    ])("never keeps %s", async (_, path, headers, state) => {
      expect(await twice(path, headers as Record<string, string>)).toMatchObject({ states: [state, state] });
    });

    test("nobody is shown what was kept for others, or the other way round", async () => {
      expect((await twice("/t/who")).states).toEqual(["MISS", "HIT"]);
      const admin = await logIn();
      for (let count = 0; count < 3; count++) expect((await admin.request("/t/who")).text).toMatch(/^admin /);
      expect((await site.get("/t/who")).text).toMatch(/^nobody /);
      const other = await logIn();
      const [one, two] = [await admin.request("/t/who"), await other.request("/t/who")];
      expect(one.text).not.toBe(two.text);
      // A page that only somebody asked for is nobody else's afterwards.
      await admin.request("/t/who?mine");
      expect((await site.get("/t/who?mine")).text).toMatch(/^nobody /);
      expect((await site.get("/t/said?a", { headers: { Authorization: "Basic YTpi" } })).text).toMatch(/^Basic YTpi /);
      expect((await site.get("/t/said?a")).text).toMatch(/^- /);
    });

    test("a POST is neither kept nor answered from what is", async () => {
      await twice("/t/now?post");
      const kept = (await site.get("/t/now?post")).text;
      // Refused by Django for want of a token: it got there.
      expect((await site.get("/t/now?post", { method: "POST" })).status).toBe(403);
      expect((await site.get("/t/now?post")).text).toBe(kept);
    });

    test("each answer of a page that varies is its own", async () => {
      const ask = async (language: string) => (await site.get("/t/now?h-Vary=Accept-Language", { headers: { "Accept-Language": language } })).text;
      const [german, french] = [await ask("de"), await ask("fr")];
      expect(german).not.toBe(french);
      expect([await ask("de"), await ask("fr")]).toEqual([german, french]);
    });

    test("what an answer says of its own age counts", async () => {
      const ask = () => site.get("/t/now?h-Cache-Control=max-age%3D1");
      const first = (await ask()).text;
      await sleep(2100);
      // The old one once more, while a new one is fetched behind it.
      const stale = await ask();
      expect([stale.text, stale.headers["x-cache"]]).toEqual([first, "STALE"]);
      await expect.poll(async () => (await ask()).text, { timeout: 10_000 }).not.toBe(first);
    });

    test("of 500 who ask for a cold page at once, one asks Django", async () => {
      const path = "/t/now?sleep=1.5&stampede";
      const answers = await Promise.all(Array.from({ length: 500 }, () => site.get(path)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect((await site.logged(path, 500)).filter(({ upstream_addr: upstream }) => upstream !== "")).toHaveLength(1);
    });

    test("a page outlives the replicas, and counting up the version drops it", async () => {
      const path = "/t/now?outlives&h-Cache-Control=max-age%3D1";
      const kept = (await site.get(path)).text;
      // nginx counts in whole seconds: what is kept for one may be fresh for almost two.
      await sleep(2200);
      const replicas = site.containersOf("django");
      for (const replica of replicas) docker("pause", replica);
      try {
        const answer = await site.get(path);
        expect([answer.status, answer.text, answer.headers["x-cache"]]).toEqual([200, kept, "STALE"]);
      } finally {
        for (const replica of replicas) docker("unpause", replica);
      }
      const page = (await site.get("/t/now?version")).text;
      expect((await site.get("/t/now?version")).text).toBe(page);
      await site.upWith({ cache: { enabled: true, version: 2 } });
      expect((await site.get("/t/now?version")).text).not.toBe(page);
    });

    test("lies on a volume of its own, and is off unless it is asked for", async () => {
      expect(docker("exec", `${site.prefix}-nginx`, "sh", "-c", "find /var/cache/stack -type f | head -n 1")).not.toBe("");
      await site.upWith({});
      const { same, states } = await twice("/t/now?off");
      expect([same, states]).toEqual([false, [undefined, undefined]]);
    });
  });
}
