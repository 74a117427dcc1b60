import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { errorPolicy } from "../../../nginx/error-pages.ts";
import { mediaPolicy } from "../../../nginx/headers.ts";
import { Client, type Answer } from "../../support/client.ts";
import { ownedHeaders } from "../../support/owned-headers.ts";
import { docker, logsOf } from "../../support/site.ts";
import { slowDownload, slowUploads } from "../../support/slow-clients.ts";
import type { TrafficSite } from "../../support/traffic-site.ts";

/** What nginx answers by itself, and how it shares out the rest. */
export function answersBehaviour(site: TrafficSite): void {
  const nginx = `${site.prefix}-nginx`;
  const inNginx = (script: string) => docker("exec", nginx, "sh", "-c", script).trim();
  describe("answers of nginx's own", () => {
    test("`up` tells which header of Django's visitors get from nginx in its place", () => {
      expect(site.stack.warnings?.filter((warning) => warning.startsWith("Django answers"))).toEqual([
        "Django answers /healthz with X-Frame-Options: SAMEORIGIN; visitors get headers.frameOptions instead: DENY. Where Django's is to count, name frameOptions in headers.fromDjango, and let frame-ancestors in headers.contentSecurityPolicy allow the same",
      ]);
    });

    test("`up` tells what the release job found amiss with the project's settings", () => {
      expect(site.stack.warnings?.filter((warning) => warning.includes("django_stack."))).toEqual([
        "SECRET_KEY isn't from the environment: whoever has the image may have it, and secrets.secretKeyVersion changes nothing; fix: take SECRET_KEY, or a name from secretEnv, from the environment (django_stack.W007)",
      ]);
    });

    test("an alias with a star is every name below it, for visitors, forms and certificate, and nothing else", async () => {
      const visitorOf = (host: string) => new Client({ url: `https://${host}:18443`, authority: site.authority });
      const visitor = visitorOf("any.shops.movies.localhost");
      expect((await visitor.request("/")).status).toBe(200);
      expect((await visitor.login("admin", site.outputs.superuserPassword)).status).toBe(302);
      await expect(visitorOf("shops.movies.localhost").request("/")).rejects.toThrow(/unrecognized name|alert/i);
      const plain = await new Client({ url: "http://any.shops.movies.localhost:18080" }).request("/a");
      expect([plain.status, plain.headers.location]).toEqual([301, "https://any.shops.movies.localhost:18443/a"]);
    });

    test("static files: packed once, in ranges, with types and a life of 30 days, for good where the name is of the content", async () => {
      const page = await site.get("/");
      const css = /href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec(page.text)?.[1] ?? "";
      const plain = await site.get(css);
      const packed = await site.get(css, { headers: { "Accept-Encoding": "gzip" } });
      expect(packed.headers).toMatchObject({ "content-encoding": "gzip", "content-type": "text/css", "cache-control": "max-age=2592000, immutable" });
      expect(gunzipSync(packed.body)).toEqual(plain.body);
      // What lies there packed has a length; what nginx packs on the way has none.
      expect(Number(packed.headers["content-length"])).toBe(packed.body.length);
      expect(packed.body.equals(bytesOf(nginx, `/vol/web${css}.gz`))).toBe(true);
      const smaller = await site.get(css, { headers: { "Accept-Encoding": "gzip, deflate, br, zstd" } });
      const { vary, ...shared } = packed.headers;
      expect(smaller.headers).toMatchObject({
        ...{
          "content-encoding": "br",
          "content-type": "text/css",
          "cache-control": shared["cache-control"],
          vary,
          "x-content-type-options": "nosniff",
        },
        "content-length": String(smaller.body.length),
      });
      expect(vary).toBe("Accept-Encoding");
      expect(brotliDecompressSync(smaller.body)).toEqual(plain.body);
      expect(smaller.headers.etag).not.toBe(packed.headers.etag);
      const again = { "Accept-Encoding": "br", "If-None-Match": String(smaller.headers.etag) };
      expect((await site.get(css, { headers: again })).status).toBe(304);
      const encodings = ["br", "BR;q=1.0", "gzip;q=0.5 , br;q=0.9", "br;q=0, gzip", "br; q=0.000", "brr", "zstd"];
      const chosen = await Promise.all(
        encodings.map(async (encoding) => (await site.get(css, { headers: { "Accept-Encoding": encoding } })).headers["content-encoding"]),
      );
      expect(chosen).toEqual(["br", "br", "br", "gzip", undefined, undefined, undefined]);
      const part = await site.get(css, { headers: { Range: "bytes=10-19" } });
      expect([part.status, part.text, part.headers["content-range"]]).toEqual([206, plain.text.slice(10, 20), `bytes 10-19/${plain.body.length}`]);
      const unhashed = await site.get("/static/movies/site.css");
      expect(unhashed.headers["cache-control"]).toBe("max-age=2592000");
      expect((await site.get(css, { headers: { "If-None-Match": String(plain.headers.etag) } })).status).toBe(304);
      expect((await site.get("/static/movies/icon.svg")).headers["content-type"]).toBe("image/svg+xml");
      const packedByName = css.replace("/static/", "/static/.brotli/static/");
      for (const path of ["/static/.releases/live", "/static/.releases/", "/static/staticfiles.json", packedByName, "/static/.brotli/"]) {
        expect((await site.get(path)).status).toBeGreaterThanOrEqual(403);
      }
    });

    test("an upload with a script in it is served harmless, and in ranges", async () => {
      const write = (path: string, text: string) =>
        docker("exec", site.containersOf("django")[0], "python", "-c", `import os, sys; os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True); open(sys.argv[1], "w").write(sys.argv[2])`, `/vol/web/media/${path}`, text); // prettier-ignore
      const script = "<script>alert(document.domain)</script>";
      write("posters/evil.svg", `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`);
      for (const name of ["evil.html", "evil.HTM", "evil.xhtml", "evil.xml", "evil.js", "evil.mjs"]) {
        write(`posters/${name}`, script);
        const { headers, status } = await site.get(`/media/posters/${name}`);
        expect([name, status, headers["content-type"]]).toEqual([name, 200, "text/plain"]);
        expect(headers).toMatchObject({ ...ownedHeaders, "content-security-policy": mediaPolicy });
      }
      const drawing = await site.get("/media/posters/evil.svg", { headers: { Range: "bytes=0-3" } });
      expect([drawing.status, drawing.text, drawing.headers["content-type"]]).toEqual([206, "<svg", "image/svg+xml"]);
      expect(drawing.headers).toMatchObject({ ...ownedHeaders, "content-security-policy": mediaPolicy });
      expect((await site.get("/media/")).status).toBe(403);
      expect((await site.get("/media/..%2f..%2fetc/passwd")).status).toBeGreaterThanOrEqual(400);
    });

    test("answers and uploads come whole that are larger together than nginx's memory, however slow the clients", async () => {
      const memory = 256 * 1024 * 1024;
      const started = inNginx("cat /proc/1/stat | cut -d ' ' -f 22");
      const large = 150 * 1024 * 1024;
      const answers = await Promise.all(Array.from({ length: 3 }, () => slowDownload(site, "/t/large?megabytes=150", 5000)));
      expect(3 * large).toBeGreaterThan(memory);
      expect(answers).toEqual(Array(3).fill({ whole: true, bytes: large }));
      const upload = 9 * 1024 * 1024;
      expect(30 * upload).toBeGreaterThan(memory);
      expect(await slowUploads(site, "/t/count", 30, upload)).toEqual(Array(30).fill(`${upload}\n`));
      // The same nginx, whose container restarts when it runs out of memory.
      expect(inNginx("cat /proc/1/stat | cut -d ' ' -f 22")).toBe(started);
    });

    test("an answer may set three cookies of the largest size, and they may come back", async () => {
      const visitor = site.anonymous();
      const { status, headers } = await visitor.request("/t/now?cookies=3");
      expect([status, headers["set-cookie"]?.length]).toEqual([200, 3]);
      expect((await visitor.request("/t/now")).status).toBe(200);
    });

    test("an address may be as long as gunicorn takes it", async () => {
      expect((await site.get(`/t/now?${"a".repeat(8000)}`)).status).toBe(200);
    });

    test("uploads arrive that are larger together than the app's part of memory for files, and leave nothing behind", async () => {
      await site.upWith({ nginx: { maxBodySize: "100m" } });
      const content = Buffer.alloc(95 * 1024 * 1024);
      const send = () => site.anonymous().postForm("/t/upload?sleep=2", {}, { file: { name: "film", type: "video/mp4", content } });
      // Two a replica at once: more than the 128 MB that its /tmp in memory has.
      const answers = await Promise.all(Array.from({ length: 4 }, send));
      expect(answers.map(({ status, text }) => [status, text])).toEqual(Array(4).fill([200, `${content.length} /vol/temporary\n`]));
      expect(docker("exec", site.containersOf("django")[0], "find", "/vol/temporary", "-mindepth", "1")).toBe("");
    });

    test("what headers.fromDjango names is Django's where it sends one, kept answers too, and the site's everywhere else", async () => {
      const headers = { fromDjango: ["contentSecurityPolicy", "frameOptions"] };
      await site.upWith({ headers, cache: { enabled: true }, privateMedia: "private" });
      const policy = "default-src 'self'; script-src 'nonce-4711'";
      const query = `h-Content-Security-Policy=${encodeURIComponent(policy)}&h-X-Frame-Options=SAMEORIGIN&h-Permissions-Policy=camera%3D*`;
      for (const state of ["MISS", "HIT"]) {
        const answer = await site.get(`/t/now?${query}`);
        expect(answer.headers["x-cache"]).toBe(state);
        expect(answer.headers).toMatchObject({ ...ownedHeaders, "x-frame-options": "SAMEORIGIN", "content-security-policy": policy });
      }
      const ofTheSite = { ...ownedHeaders, "content-security-policy": expect.stringMatching(/^default-src 'self'; img-src/) };
      for (const path of ["/static/movies/icon.svg", `/t/now?h-X-Accel-Redirect=/static/movies/icon.svg&${query}`]) {
        expect({ path, ...(await site.get(path)).headers }).toMatchObject(ofTheSite);
      }
      // Django's settings know of frames, and of no policy.
      expect((await site.get("/")).headers).toMatchObject({ ...ofTheSite, "x-frame-options": "SAMEORIGIN" });
      // A path that isn't there: nginx's own page.
      const missing = await site.get(`/t/now?h-X-Accel-Redirect=/media/private/nothing&${query}`);
      expect([missing.status, missing.headers["x-frame-options"], missing.headers["content-security-policy"]]).toEqual([404, "DENY", errorPolicy]);
    });

    test("private uploads come through Django alone", async () => {
      await site.upWith({ privateMedia: "private", robots: "deny" });
      docker(
        "exec",
        site.containersOf("django")[0],
        "sh",
        "-c",
        "mkdir -p /vol/web/media/private && echo secret > /vol/web/media/private/letter.txt",
      );
      for (const path of [
        "/media/private/letter.txt",
        "/media//private/letter.txt",
        "/media/x/../private/letter.txt",
        "/media/%70rivate/letter.txt",
      ]) {
        expect([path, (await site.get(path)).status]).toEqual([path, 404]);
      }
      const handed = await site.get("/t/now?h-X-Accel-Redirect=/media/private/letter.txt");
      expect([handed.status, handed.text]).toEqual([200, "secret\n"]);
      expect(handed.headers["x-accel-redirect"]).toBeUndefined();
      expect((await site.get("/robots.txt")).text).toBe("User-agent: *\nDisallow: /\n");
      await site.upWith({});
      expect((await site.get("/robots.txt")).status).toBe(404);
    });

    test("bodies up to the limit get through, larger ones don't", async () => {
      const send = (length: number) => site.get("/t/size", { method: "PUT", body: Buffer.alloc(length), headers: { "X-CSRFToken": "x" } });
      const limit = 10 * 1024 * 1024;
      // Django refuses both for want of a token; the first one got there.
      expect((await send(limit)).text).toContain("CSRF");
      expect((await send(limit + 1)).status).toBe(413);
    });

    test("a page of its own for what it can't give, each with every header once", async () => {
      const pages: [number, () => Promise<Answer>, string | undefined][] = [
        [404, () => site.get("/static/nothing-here"), undefined],
        [404, () => site.get("/media/nothing-here"), undefined],
        [413, () => site.get("/t/size", { method: "PUT", body: Buffer.alloc(11 * 1024 * 1024) }), undefined],
        [504, () => site.get("/t/now?sleep=25"), "5"],
      ];
      const check = ({ headers, status, text }: Answer, wanted: number, retryAfter: string | undefined) => {
        expect([status, headers["retry-after"], headers["content-type"]]).toEqual([wanted, retryAfter, "text/html"]);
        expect(text).toMatch(/<h1>[A-Z][a-z ]+<\/h1>/);
        expect(headers).toMatchObject({ ...ownedHeaders, "content-security-policy": errorPolicy, "x-release": site.outputs.release });
      };
      for (const [status, ask, retryAfter] of pages) check(await ask(), status, retryAfter);
      const replicas = site.containersOf("django");
      for (const replica of replicas) docker("stop", "--time", "0", replica);
      // The first of them wait for an address that nobody has; once nginx knows, it says so at once.
      await expect.poll(async () => (await site.get("/")).status, { timeout: 15_000 }).toBe(502);
      const away = await site.get("/");
      for (const replica of replicas) docker("start", replica);
      check(away, 502, "5");
      await expect.poll(async () => (await site.get("/healthz")).status, { timeout: 30_000 }).toBe(200);
    });

    test("every other kind of answer has every header once, too", async () => {
      for (const path of ["/", "/admin/", "/admin/login/", "/api/movies/", "/nothing-here", "/t/now?status=500", "/static/movies/icon.svg"]) {
        expect({ path, ...(await site.get(path)).headers }).toMatchObject({
          ...ownedHeaders,
          "content-security-policy": expect.stringMatching(/^default-src 'self'/),
          "x-release": site.outputs.release,
        });
      }
      const picture = await site.get(
        "/t/now?h-X-Frame-Options=ALLOWALL&h-Server=django&h-X-Powered-By=django&h-Strict-Transport-Security=max-age%3D0",
      );
      expect(picture.headers).toMatchObject(ownedHeaders);
    });

    test("a request's id is in nginx's log and in every line of Django's, whatever the client says", async () => {
      await site.get("/t/said?logged", { headers: { "X-Request-ID": "forged" } });
      const [{ request_id: id }] = await site.logged("/t/said?logged", 1);
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      const lines = () => site.containersOf("django").flatMap((replica) => logsOf(replica).split("\n"));
      await expect.poll(lines, { timeout: 10_000 }).toContain(`WARNING ${id} traffic: seen`);
      expect(lines().join("\n")).not.toContain("forged");
    });

    test("the status of connections is for this container alone", async () => {
      expect(inNginx("curl --silent http://127.0.0.1:8081/status")).toMatch(/^Active connections: \d+/);
      expect((await site.get("/status")).status).toBe(404);
      const address = docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${site.prefix}-app").IPAddress}}`, nginx).trim();
      const ask = `import urllib.request; urllib.request.urlopen("http://${address}:8081/status", timeout=3)`;
      expect(() => docker("exec", site.containersOf("django")[0], "python", "-c", ask)).toThrow(/refused/);
    });

    test("a client keeps its replica with ip_hash; one that dies is out within two seconds, and back by itself", async () => {
      const upstreams = async (mark: string) => {
        for (let count = 0; count < 12; count++) await site.get(`/t/now?${mark}${count}`);
        return new Set((await site.logged(`/t/now?${mark}`, 12)).map(({ upstream_addr: upstream }) => String(upstream).split(", ").at(-1)));
      };
      // An earlier test has stopped both for a while.
      await expect.poll(async () => (await upstreams(`both${Date.now()}`)).size, { timeout: 30_000 }).toBe(2);
      await site.upWith({ nginx: { balancing: "ip_hash" } });
      expect((await upstreams("hashed")).size).toBe(1);
      await site.upWith({});
      expect((await upstreams("least")).size).toBe(2);
      const [replica] = site.containersOf("django");
      docker("kill", replica);
      await sleep(2000);
      const after = await Promise.all(Array.from({ length: 40 }, (_, index) => site.get(`/t/now?dead${index}`)));
      expect(after.map(({ status }) => status)).toEqual(Array(40).fill(200));
      docker("start", replica);
      await expect.poll(async () => (await upstreams(`back${Date.now()}`)).size, { timeout: 30_000 }).toBe(2);
    });

    test("static files of the last three releases are there, older ones gone", async () => {
      const css = join(site.project, "movies/static/movies/site.css");
      const original = readFileSync(css, "utf8");
      const published: string[] = [];
      for (let release = 0; release < 4; release++) {
        appendFileSync(css, `/* ${release} */\n`);
        await site.upWith({});
        published.push(/href="(\/static\/movies\/site\.[0-9a-f]{12}\.css)"/.exec((await site.get("/")).text)?.[1] ?? "");
      }
      writeFileSync(css, original);
      const statuses = await Promise.all(published.map(async (path) => (await site.get(path)).status));
      expect(statuses).toEqual([404, 200, 200, 200]);
      expect(inNginx("find /vol/web/static -name '*.incoming' 2>/dev/null || true")).toBe("");
    });
  });
}

/** A file inside a container, byte for byte. */
function bytesOf(container: string, path: string): Buffer {
  return Buffer.from(docker("exec", container, "base64", path), "base64");
}
