import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { summarize } from "../../bench/load/summary.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { Pebble } from "../support/pebble.ts";
import { loadDuring } from "../support/site-load.ts";
import { docker, logsOf, Site } from "../support/site.ts";

const module = "/usr/lib/nginx/modules/ngx_http_acme_module.so";
const carried = spawnSync("docker", ["run", "--rm", "--network", "none", "nginx:1.30", "test", "-e", module]).status === 0;

/** Where an nginx image has NGINX's ACME module; scripts/test.mjs says it where this one hasn't. */
describe.skipIf(!carried)("certificates from an ACME directory", () => {
  const pebble = carried ? new Pebble("dsacme-pebble") : (undefined as unknown as Pebble);
  let stack: ContainerStack;
  const site = new Site("dsacme", (...args) => (stack = new ContainerStack(...args)));
  const nginx = `${site.prefix}-nginx`;

  /** Issuer of the certificate that a name is served. */
  const issuer = (hostname: string) => {
    const question = `openssl s_client -connect 127.0.0.1:18443 -servername ${hostname} </dev/null 2>/dev/null | openssl x509 -noout -issuer -serial`;
    return spawnSync("sh", ["-c", question], { encoding: "utf8" }).stdout.trim();
  };
  const until = async (what: () => boolean, seconds: number) => {
    for (const end = Date.now() + seconds * 1000; Date.now() < end && !what();) await sleep(500);
    return what();
  };
  const reload = () => docker("exec", nginx, "sh", "-c", 'kill -HUP "$(cat /tmp/nginx.pid)"');

  beforeAll(async () => {
    const acme = { directory: "https://pebble:14000/dir", authority: pebble.authority };
    site.stack.config = { ...site.stack.config, aliases: [], tls: { mode: "acme", acme } };
    await site.start();
  });
  afterAll(async () => {
    pebble.remove([nginx]);
    await site.stop();
  });

  test("a directory that is away at the start: the site runs, with a certificate of its own, and `up` says so", async () => {
    expect(issuer("movies.localhost")).toContain("local authority");
    expect(stack.warnings.join("\n")).toContain("movies.localhost waits for its certificate");
    expect(docker("inspect", "--format", "{{.State.Health.Status}}", nginx).trim()).toBe("healthy");
    expect([site.outputs.caCertificate, site.outputs.certificateNotAfter]).toEqual([undefined, undefined]);
  });

  test("the first certificate comes once the directory answers", async () => {
    pebble.lead(["movies.localhost"], nginx);
    await pebble.start();
    reload();
    expect(await until(() => issuer("movies.localhost").includes("Pebble"), 60)).toBe(true);
    site.authorities = [pebble.root() ?? ""];
    expect((await site.anonymous().request("/healthz")).status).toBe(200);
  });

  test("it is renewed under load, with no failed handshake", async () => {
    const first = issuer("movies.localhost");
    const result = await loadDuring(site, 30, () => until(() => issuer("movies.localhost") !== first, 150));
    expect(issuer("movies.localhost")).not.toBe(first);
    expect([summarize(result.requests).failures, result.missing, result.doubled]).toEqual([{}, [], []]);
  });

  test("a restart while the directory is away serves the certificate that was there", async () => {
    pebble.stop();
    const before = issuer("movies.localhost");
    docker("restart", nginx);
    expect(await until(() => issuer("movies.localhost") !== "", 20)).toBe(true);
    expect(issuer("movies.localhost")).toBe(before);
    pebble.lead(["movies.localhost"], nginx);
    await pebble.start();
  });

  test("a name that fails its proof doesn't touch the others, and is mended by leading it here", async () => {
    const { config } = site.stack;
    site.stack.config = { ...config, aliases: ["new.movies.localhost"] };
    await site.up();
    expect(stack.warnings.join("\n")).toContain("new.movies.localhost waits for its certificate");
    expect(issuer("new.movies.localhost")).toContain("local authority");
    expect(issuer("movies.localhost")).toContain("Pebble");
    pebble.lead(["movies.localhost", "new.movies.localhost"], nginx);
    reload();
    expect(await until(() => issuer("new.movies.localhost").includes("Pebble"), 60)).toBe(true);
    expect(logsOf(nginx)).not.toContain("[emerg]");
  });
});
