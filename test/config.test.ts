import * as fc from "fast-check";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, test, vi } from "vitest";
import { asHostname, asHostnames } from "../allowed-values.ts";
import { errorOf, load } from "./support/load-config.ts";

afterEach(() => vi.unstubAllEnvs());

describe("defaults", () => {
  test("of prod", async () => {
    const { owner, secretEnv, secrets, app, backup, bindAddress, headers, ...config } = await load("prod", {});
    expect(headers).toMatchObject({ frameOptions: "DENY", strictTransportSecurity: "auto", xssProtection: "0" });
    expect(headers.contentSecurityPolicy).toContain("default-src 'self'");
    expect(owner).toEqual({ name: "django-stack", stack: "prod", checkout: expect.stringMatching(/^[0-9a-f]{12}$/) });
    expect(bindAddress[0]).toBe("0.0.0.0");
    expect(config).toEqual({
      runner: "pulumi",
      environment: "prod",
      name: "django-stack",
      domain: "django-stack.localhost",
      aliases: [],
      httpPort: 80,
      httpsPort: 443,
      redirects: [],
      background: {},
      ipv6ClientAddresses: false,
      trustedProxies: [],
      tls: { mode: "self-signed", policy: "intermediate", provided: undefined, acme: undefined },
      https: true,
      postgres: {
        ...{ version: 18, upgradeFrom: undefined, image: undefined, extensions: [], settings: {} },
        ...{ cpus: 2, memory: 1024, maxConnections: 200, publishPort: undefined },
      },
      nginx: {
        image: "nginx:1.30",
        workerConnections: 2048,
        keepaliveSeconds: 65,
        maxBodySize: "10m",
        clientTimeoutSeconds: 15,
        transferSeconds: 3600,
        balancing: "least_conn",
        httpSnippet: undefined,
        serverSnippet: undefined,
        snippets: { http: undefined, server: undefined },
        cpus: 1,
        memory: 256,
      },
      cache: undefined,
      limits: {
        requestsPerSecond: 100,
        burst: 200,
        connections: 100,
        loginAttemptsPerMinute: 10,
        loginPaths: ["/admin/login/", "/accounts/login/"],
      },
      access: { allow: [], deny: [], paths: {} },
      basicAuth: undefined,
      maintenance: undefined,
      robots: undefined,
      privateMedia: undefined,
      protectData: true,
      superuser: undefined,
      stack: "prod",
      prefix: "django-stack-prod",
      dockerHost: undefined,
      url: "https://django-stack.localhost",
      origins: ["https://django-stack.localhost"],
      serverNames: ["django-stack.localhost"],
      allowedHosts: ["django-stack.localhost"],
    });
    expect(backup).toMatchObject({ target: "volume", repository: "/backups/repository", remote: false, schedule: ["02:30"], passphrase: undefined });
    expect(app).toMatchObject({
      server: "gunicorn",
      replicas: 2,
      workerCount: 3,
      uid: 10001,
      gid: 10001,
      mountSource: false,
      staticFromVolume: true,
      debug: false,
      devServerPort: undefined,
    });
  });

  test("of dev", async () => {
    const config = await load("dev", { environment: "dev" });
    expect(config).toMatchObject({
      domain: "localhost",
      httpPort: 8080,
      httpsPort: undefined,
      bindAddress: ["127.0.0.1"],
      tls: { mode: "off" },
      protectData: false,
      backup: undefined,
      url: "http://localhost:8080",
    });
    expect(config.app).toMatchObject({
      server: "runserver",
      replicas: 1,
      devServerPort: 8000,
      mountSource: true,
      staticFromVolume: false,
      debug: true,
    });
    expect(config.origins).toEqual(["http://localhost:8080", "http://localhost:8000"]);
    expect(config.postgres.publishPort).toBe(5432);
  });

  test("of the secrets, those from elsewhere secret", async () => {
    const { secretKeyFallbacks, ...versions } = (await load("prod", { secrets: { secretKeyFallbacks: ["a(b"] } }, ["django-stack:secrets"])).secrets;
    expect(versions).toEqual({ databasePasswordVersion: 1, basicAuthPasswordVersion: 1, secretKeyVersion: 1 });
    expect(await pulumi.isSecret(secretKeyFallbacks)).toBe(true);
  });

  test("all names below one are written as nginx, Django and browsers write them", async () => {
    const config = await load("prod", { domain: "movies.example", aliases: ["*.Movies.example", "films.example"], httpsPort: 8443 });
    expect(config.serverNames).toEqual(["movies.example", "*.movies.example", "films.example"]);
    expect(config.allowedHosts).toEqual(["movies.example", ".movies.example", "films.example"]);
    expect(config.origins).toEqual(["https://movies.example:8443", "https://*.movies.example:8443", "https://films.example:8443"]);
  });

  test("Postgres' settings are told by their names in small letters", async () => {
    const { postgres } = await load("prod", {
      postgres: { settings: { TimeZone: "UTC", "pg_stat_statements.max": 500, md5_password_warnings: false } },
    });
    expect(postgres.settings).toEqual({ timezone: "UTC", "pg_stat_statements.max": "500", md5_password_warnings: "false" });
    expect(await errorOf("prod", { postgres: { settings: { Port: 1 } } })).toContain("fix: remove port: the stack sets it");
  });

  test("of a stack that doesn't say are prod's", async () => {
    expect((await load("staging", {})).environment).toBe("prod");
  });
});

test("the config can't be changed, at any depth", async () => {
  const config = await load("prod", {});
  expect(() => ((config as any).domain = "x")).toThrow(TypeError);
  expect(() => ((config.app as any).env.X = "x")).toThrow(TypeError);
});

test("secret environment is a secret output, of several lines if need be", async () => {
  const { secretEnv } = await load("prod", { secretEnv: { SIGNING_KEY: "first\nsecond\n" } }, ["django-stack:secretEnv"]);
  expect(await pulumi.isSecret(secretEnv)).toBe(true);
});

test("URLs carry the port when it isn't the scheme's own", async () => {
  expect((await load("prod", { domain: "movies.example", httpsPort: "8443" })).url).toBe("https://movies.example:8443");
  expect((await load("prod", { domain: "movies.example" })).url).toBe("https://movies.example");
  expect((await load("prod", { httpsPort: "none", httpPort: "80", tls: { mode: "off" }, bindAddress: "127.0.0.1", domain: "a.example" })).url).toBe(
    "http://a.example",
  );
});

test("numbers may come as text and environment values as numbers", async () => {
  const { app } = await load("prod", { app: { replicas: "3", env: { B: 1, A: true } } });
  expect(app.replicas).toBe(3);
  expect(app.env).toEqual({ A: "true", B: "1" });
});

test("DOCKER_HOST names the engine where the provider's config doesn't", async () => {
  vi.stubEnv("DOCKER_HOST", "ssh://root@first");
  expect((await load("prod", {})).dockerHost).toBe("ssh://root@first");
  expect((await load("prod", { "docker:host": "ssh://root@second" })).dockerHost).toBe("ssh://root@second");
  vi.stubEnv("DOCKER_HOST", "");
  expect((await load("prod", {})).dockerHost).toBe(undefined);
});

test("a docker context that Pulumi's provider would follow is known", async () => {
  vi.stubEnv("DOCKER_CONTEXT", "");
  expect((await load("prod", {})).dockerContext).toBe(undefined);
  vi.stubEnv("DOCKER_CONTEXT", "staging");
  expect((await load("prod", {})).dockerContext).toEqual({ name: "staging", from: "DOCKER_CONTEXT" });
  expect((await load("prod", { "docker:context": "server" })).dockerContext).toEqual({ name: "server", from: "docker:context" });
});

test.each([
  ["hostname", asHostname, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/],
  ["alias", asHostnames, /^(\*\.[a-z0-9]([a-z0-9-]*[a-z0-9])?\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/],
])("any %s that is accepted is nothing but labels and dots, and a star for all that may come first", (_, parse, labels) => {
  const texts = fc.oneof(fc.domain(), fc.string(), fc.string({ unit: fc.constantFrom(...'ab1-._*;{}$#\\"\n ') }));
  fc.assert(
    fc.property(
      fc.oneof(
        texts,
        texts.map((text) => `*.${text}`),
      ),
      (text) => {
        let accepted: string;
        try {
          accepted = parse(text);
        } catch {
          return;
        }
        expect(accepted).toMatch(labels);
      },
    ),
  );
});
