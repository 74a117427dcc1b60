import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { describe, expect, test } from "vitest";
import { summarize } from "../../bench/load/summary.ts";
import { signedCertificate } from "../support/certificates.ts";
import { Client } from "../support/client.ts";
import { engineApi } from "../support/engine-api.ts";
import { loadDuring } from "../support/site-load.ts";
import { hasIpv6, logsOf, type Site } from "../support/site.ts";

/** What nginx does at the edge: certificates, names, proxies in front of it. */
export function edgeBehaviour(site: Site): void {
  const { prefix, stack } = site;
  const nginxProcess = async () => (await engineApi("GET", `/containers/${prefix}-nginx/json`)).State.Pid;
  const servedSerial = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: 18443, servername: "movies.localhost", rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? "none");
        socket.destroy();
      });
      socket.on("error", reject);
    });

  describe("the edge", () => {
    test("goes over to a certificate of one's own, renews it, and comes back, with no failed request", async () => {
      const names = ["movies.localhost", ...(stack.config.aliases as string[])];
      const [first, second] = [signedCertificate(names), signedCertificate(names)];
      const own = site.outputs.caCertificate;
      // The load goes on across the change, and trusts whoever signs before and after it.
      site.authorities = [own, first.authority, second.authority];
      const pid = await nginxProcess();
      const { config } = stack;
      for (const { chain, leaf, privateKey } of [first, second]) {
        stack.config = { ...config, tls: { mode: "provided", certificate: chain, privateKey } };
        const result = await loadDuring(site, 30, () => site.up());
        expect([summarize(result.requests).failures, result.missing, result.doubled]).toEqual([{}, [], []]);
        expect(await servedSerial()).toBe(new X509Certificate(leaf).serialNumber);
        expect(site.outputs.certificateNotAfter).toBe(new Date(new X509Certificate(leaf).validTo).toISOString().slice(0, 10));
        expect(site.outputs.caCertificate).toBeUndefined();
      }
      expect(await nginxProcess()).toBe(pid);
      stack.config = config;
      await site.up();
      site.authorities = [];
      expect((await site.anonymous().request("/healthz")).status).toBe(200);
    });

    test("resumes a session that a client comes back with", async () => {
      const open = (session?: Buffer) =>
        new Promise<{ reused: boolean; session: Buffer | undefined }>((resolve, reject) => {
          const socket = connect({ host: "127.0.0.1", port: 18443, servername: "movies.localhost", rejectUnauthorized: false, session });
          let ticket: Buffer | undefined;
          let reused = false;
          socket.on("session", (given) => (ticket = given));
          socket.on("error", reject);
          socket.on("secureConnect", () => {
            reused = socket.isSessionReused();
            socket.write("GET /healthz HTTP/1.1\r\nHost: movies.localhost:18443\r\nConnection: close\r\n\r\n");
          });
          socket.on("data", () => {});
          socket.on("close", () => resolve({ reused, session: ticket }));
        });
      const { reused, session } = await open();
      expect([reused, (await open(session)).reused]).toEqual([false, true]);
    });

    // Where this machine has the address; the site listens there too then.
    test.skipIf(!hasIpv6)("answers over IPv6", async () => {
      const client = new Client({ url: site.outputs.url, authority: site.outputs.caCertificate, address: "::1" });
      expect((await client.request("/healthz")).text).toBe("ok\n");
      const plain = await new Client({ url: "http://movies.localhost:18080", address: "::1" }).request("/");
      expect([plain.status, plain.headers.location]).toEqual([301, "https://movies.localhost:18443/"]);
    });

    test("leads further names to the domain, over TLS and without", async () => {
      const { config } = stack;
      stack.config = { ...config, redirects: ["old.movies.localhost"] };
      await site.up();
      site.authorities = [];
      for (const url of ["http://old.movies.localhost:18080", "https://old.movies.localhost:18443"]) {
        const { status, headers } = await new Client({ url, authority: site.outputs.caCertificate }).request("/admin/?a=b");
        expect([url, status, headers.location]).toEqual([url, 301, "https://movies.localhost:18443/admin/?a=b"]);
      }
      stack.config = config;
      await site.up();
      site.authorities = [];
    });

    test("takes headers of one's own, and leaves out what is off", async () => {
      const { config } = stack;
      const policy = `default-src 'self'; script-src 'self' "quoted";{}#`;
      stack.config = { ...config, headers: { contentSecurityPolicy: policy, permissionsPolicy: "off", frameOptions: "SAMEORIGIN" } };
      await site.up();
      const { headers } = await site.anonymous().request("/admin/login/");
      expect(headers["content-security-policy"]).toBe(policy);
      expect([headers["permissions-policy"], headers["x-frame-options"]]).toEqual([undefined, "SAMEORIGIN"]);
      stack.config = config;
      await site.up();
    });

    test("believes a proxy in front of it, and nobody else, when that one ends TLS", async () => {
      const { config } = stack;
      const outer = { ...config, httpsPort: "none", tls: { mode: "outer" } };
      const plain = new Client({ url: "http://movies.localhost:18080" });
      const ask = (headers: Record<string, string>) => plain.request("/admin/login/", { host: "movies.localhost", headers });
      // To nginx this machine's requests come from the gateway of the edge network.
      stack.config = { ...outer, trustedProxies: ["host"] };
      await site.up();
      expect(site.outputs.url).toBe("https://movies.localhost");
      const page = await ask({ "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9" });
      expect(page.status).toBe(200);
      expect(page.headers["strict-transport-security"]).toBe("max-age=63072000");
      expect(String(page.headers["set-cookie"])).toContain("Secure");
      // The log is written after the answer.
      await expect.poll(() => logsOf(`${prefix}-nginx`), { timeout: 10_000 }).toContain('"remote_addr":"203.0.113.9"');
      const redirect = await ask({ "X-Forwarded-Proto": "http" });
      expect([redirect.status, redirect.headers.location]).toEqual([301, "https://movies.localhost/admin/login/"]);
      stack.config = { ...outer, trustedProxies: ["192.0.2.1"] };
      await site.up();
      const redirects = () => logsOf(`${prefix}-nginx`).split('"status":301').length;
      const before = redirects();
      expect((await ask({ "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.77" })).status).toBe(301);
      await expect.poll(redirects, { timeout: 10_000 }).toBeGreaterThan(before);
      expect(logsOf(`${prefix}-nginx`)).not.toContain('"remote_addr":"203.0.113.77"');
      stack.config = config;
      await site.up();
      site.authorities = [];
    });
  });
}
