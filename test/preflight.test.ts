import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test, vi } from "vitest";
import { DockerError } from "../components/docker-engine.ts";
import type { Config } from "../config.ts";
import type { Host } from "../port-check.ts";
import { preflight } from "../preflight.ts";
import { signedCertificate } from "./support/certificates.ts";
import { fakeDocker } from "./support/fake-docker.ts";

const config = {
  name: "movies",
  stack: "prod",
  runner: "pulumi",
  prefix: "movies-prod",
  owner: { name: "movies", stack: "prod", checkout: "aaaaaaaaaaaa" },
  dockerHost: undefined,
  bindAddress: ["127.0.0.1"],
  httpPort: 80,
  httpsPort: 443,
  domain: "movies.example",
  aliases: [],
  redirects: [],
  tls: {},
  headers: { frameOptions: "DENY", contentSecurityPolicy: "default-src 'self'; frame-ancestors 'none'", fromDjango: [] },
  app: {},
  postgres: { version: 18 },
} as unknown as Config;
const ours = "movies|prod|aaaaaaaaaaaa";
const theirs = "movies|prod|bbbbbbbbbbbb";
const freeHost: Host = { tryListen: async () => undefined, listener: async () => undefined };
const clean: Parameters<typeof fakeDocker>[0] = [
  [/^context inspect/, "unix:///var/run/docker.sock\n"],
  [/^version/, "28.2.2\n"],
  [/^network ls/, "bridge ||\n"],
  [/^ps --all/, ""],
  [/^volume ls/, ""],
  [/^ps --filter publish/, ""],
  [/^exec movies-prod-nginx/, new DockerError("Error: No such container: movies-prod-nginx", 1)],
];

async function errorOf(answers: Parameters<typeof fakeDocker>[0], host: Host = freeHost, change: Partial<Config> = {}): Promise<string> {
  const { docker } = fakeDocker([...answers, ...clean]);
  return preflight({ ...config, ...change }, docker, host).then(
    () => "no error",
    (error) => {
      expect(error).toBeInstanceOf(pulumi.RunError);
      return error.message;
    },
  );
}

const heading = "the Docker host can't take stack prod; nothing was touched:\n  ";

test("passes on a clean host, and only looks", async () => {
  const { docker, calls } = fakeDocker(clean);
  expect(await preflight(config, docker, freeHost)).toEqual({ startInterval: "any" });
  expect(calls.map((call) => call.split(" --format")[0])).toEqual([
    "context inspect",
    "version",
    "ps --all --filter label=django-stack.name=movies --filter label=django-stack.stack=prod",
    "network ls",
    "ps --all",
    "volume ls",
    "ps --filter publish=80",
    "ps --filter publish=443",
    "exec movies-prod-nginx cat /etc/nginx/stack/current/tls/certificate.pem",
  ]);
});

describe("who runs the stack", () => {
  const list: RegExp = /^ps --all --filter label=django-stack.name=movies --filter label=django-stack.stack=prod/;

  test("nobody asks where a Compose project is only written, and what engine is here decides only how often it checks services", async () => {
    const { docker, calls } = fakeDocker(clean);
    const written = { ...config, runner: "export" } as const;
    expect(await preflight(written, docker, freeHost)).toEqual({ startInterval: "fixed" });
    expect(calls.map((call) => call.split(" --format")[0])).toEqual(["context inspect", "version"]);
    const old = fakeDocker([[/^version/, "20.10.24\n"], ...clean]);
    expect(await preflight(written, old.docker, freeHost)).toEqual({ startInterval: "none" });
    const none = fakeDocker([[/./, new DockerError("spawn docker ENOENT", "ENOENT")]]);
    expect(await preflight(written, none.docker, freeHost)).toEqual({ startInterval: "fixed" });
    const elsewhere = fakeDocker([]);
    expect(await preflight({ ...written, dockerHost: "ssh://root@example.com" }, elsewhere.docker, freeHost)).toEqual({ startInterval: "fixed" });
    expect(elsewhere.calls).toEqual([]);
  });

  test("Compose, which Pulumi doesn't start over", async () => {
    const containers = "movies-prod-nginx-1|movies-prod\nmovies-prod-postgres-1|movies-prod\n";
    expect(await errorOf([[list, containers]])).toBe(
      `${heading}Docker Compose runs this stack (movies-prod-nginx-1, movies-prod-postgres-1); fix: npm run compose -- prod down, which leaves the data`,
    );
    expect(await errorOf([[list, containers]], freeHost, { runner: "compose" })).toBe("no error");
  });

  test("Pulumi, which Compose doesn't start over; a restore is neither's, and no more is what a failed build left", async () => {
    const containers = "movies-prod-nginx|\nmovies-prod-backup-restore|\nfrosty_diffie|\n";
    expect(await errorOf([[list, containers]], freeHost, { runner: "compose" })).toBe(
      `${heading}Pulumi runs this stack (movies-prod-nginx); fix: npm run destroy -- prod, which leaves the data where protectData is true, as it is by default in prod`,
    );
    expect(await errorOf([[list, containers]])).toBe("no error");
  });

  test("Compose, on another machine than the files that it mounts", async () => {
    vi.stubEnv("DOCKER_HOST", "ssh://root@example.com");
    expect(await errorOf([], freeHost, { runner: "compose", dockerHost: "ssh://root@example.com" })).toBe(
      `${heading}Docker Engine at ssh://root@example.com: Compose mounts files of the engine's own machine; fix: run it there, or use Pulumi, which needs no files on it`,
    );
    vi.stubEnv("DOCKER_HOST", "unix:///run/user/1000/docker.sock");
    expect(await errorOf([], freeHost, { runner: "compose", dockerHost: "unix:///run/user/1000/docker.sock" })).toBe("no error");
    vi.unstubAllEnvs();
  });

  test("Compose, which doesn't read the stack's file for its engine", async () => {
    expect(await errorOf([], freeHost, { runner: "compose", dockerHost: "unix:///run/other.sock" })).toBe(
      `${heading}docker:host: got unix:///run/other.sock, which Compose doesn't know of; fix: remove it from the stack's file, and export DOCKER_HOST=unix:///run/other.sock`,
    );
  });
});

test("an engine that can't be used is all that is told of", async () => {
  expect(await errorOf([[/^version/, "19.03.8\n"]])).toBe(
    `${heading}Docker Engine: got version 19.03.8; allowed: 20.10 or newer; fix: upgrade Docker`,
  );
});

test("another checkout's objects are refused, and its nginx's port isn't told of beside it", async () => {
  expect(
    await errorOf([
      [/^ps --all --format/, `movies-prod-nginx ${theirs}\n`],
      [/^ps --filter publish/, `movies-prod-nginx ${theirs}\n`],
    ]),
  ).toMatch(new RegExp(`^${heading}container movies-prod-nginx exists and it belongs to stack prod of movies, checkout bbbbbbbbbbbb; .*$`));
});

test("warns of a production stack's backups, and not of a development one's", async () => {
  const warn = vi.spyOn(pulumi.log, "warn").mockImplementation(async () => {});
  const { docker } = fakeDocker([[/^version .*rootlesskit/, ""], [/^info/, "true\n"], ...clean]);
  await preflight({ ...config, environment: "dev", backup: undefined }, docker, freeHost);
  expect(warn).not.toHaveBeenCalled();
  await preflight({ ...config, environment: "prod", backup: undefined }, docker, freeHost);
  expect(warn.mock.calls).toEqual([["backup.enabled is false: nobody makes backups of this stack's data"]]);
});

test("warns of an engine that takes protection from a production stack, and not of a development one's", async () => {
  const warn = vi.spyOn(pulumi.log, "warn").mockImplementation(async () => {});
  const { docker } = fakeDocker([[/^version .*rootlesskit/, "builtin\n"], [/^info/, "false\n"], ...clean]);
  await preflight({ ...config, environment: "dev", backup: undefined }, docker, freeHost);
  expect(warn).not.toHaveBeenCalled();
  await preflight({ ...config, environment: "prod", backup: undefined }, docker, freeHost);
  expect(warn.mock.calls.map(([text]) => text.split(";")[0])).toEqual([
    "backup.enabled is false: nobody makes backups of this stack's data",
    expect.stringMatching(/^Docker Engine: it runs without root, /),
    expect.stringMatching(/^Docker Engine: it can't limit memory /),
  ]);
});

test("warns of frames that one header allows and the other forbids", async () => {
  const warn = vi.spyOn(pulumi.log, "warn").mockImplementation(async () => {});
  const { docker } = fakeDocker(clean);
  const ask = async (change: Partial<Config["headers"]>) => {
    warn.mockClear();
    await preflight({ ...config, environment: "dev", headers: { ...config.headers, ...change } }, docker, freeHost);
    return warn.mock.calls.map(([text]) => text);
  };
  const warning =
    "headers.frameOptions: browsers go by frame-ancestors 'none' in headers.contentSecurityPolicy before it, and show the site in no frame; fix: write frame-ancestors 'self' there, or the origins that may";
  expect(await ask({})).toEqual([]);
  for (const change of [{ frameOptions: "SAMEORIGIN" }, { frameOptions: "off" }, { fromDjango: ["frameOptions" as const] }]) {
    expect(await ask(change)).toEqual([warning]);
    expect(await ask({ ...change, contentSecurityPolicy: "default-src 'self'; frame-ancestors 'self'" })).toEqual([]);
    expect(await ask({ ...change, contentSecurityPolicy: "off" })).toEqual([]);
  }
  expect(await ask({ fromDjango: ["frameOptions", "contentSecurityPolicy"] })).toEqual([]);
});

test("a restore under way is waited for", async () => {
  expect(await errorOf([[/^ps --all --format/, `movies-prod-backup-restore ${ours}\n`]])).toBe(
    `${heading}a restore of this stack is under way; fix: wait for it, or docker stop movies-prod-backup-restore`,
  );
});

describe("a major version of Postgres", () => {
  const volumes = (...majors: number[]): Parameters<typeof fakeDocker>[0] => [
    [/^volume ls/, [`movies-prod-owner ${ours}`, ...majors.map((major) => `movies-prod-postgres-${major}-data ||`)].join("\n")],
  ];

  test("other than the data's is refused: the site would start empty", async () => {
    expect(await errorOf(volumes(17))).toBe(
      `${heading}postgres.version: got 18, and this stack's data is that of version 17; the site would start with an empty database; fix: set postgres.version to 17, or postgres.upgradeFrom to 17 to take its data over`,
    );
  });

  test("whose data is to be taken over is fine", async () => {
    expect(await errorOf(volumes(17), freeHost, { postgres: { version: 18, upgradeFrom: 17 } } as unknown as Partial<Config>)).toBe("no error");
  });

  test("that has data of its own is fine, whatever lies beside it", async () => {
    expect(await errorOf(volumes(17, 18))).toBe("no error");
    expect(await errorOf(volumes())).toBe("no error");
  });
});

test("a port that is taken is refused beside the rest, and one that a rootless engine can't take is a warning", async () => {
  const busy: Host = { tryListen: async (_, port) => (port === 80 ? "EADDRINUSE" : "EACCES"), listener: async () => "apache2 (pid 81)" };
  const rootless: Parameters<typeof fakeDocker>[0] = [[/^info .*SecurityOptions/, "[name=seccomp,profile=builtin name=rootless]\n"]];
  const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
  expect(await errorOf([[/^ps --all --format/, `movies-prod-backup-restore ${ours}\n`], ...rootless], busy)).toBe(
    `${heading}a restore of this stack is under way; fix: wait for it, or docker stop movies-prod-backup-restore\n` +
      "  httpPort: port 80 on 127.0.0.1 is held by apache2 (pid 81); fix: stop it, or set httpPort to another port",
  );
  expect(warn).not.toHaveBeenCalled();
  expect(await errorOf(rootless, { ...freeHost, tryListen: async () => "EACCES" })).toBe("no error");
  expect(warn.mock.calls.map(([text]) => text.split(",")[0])).toEqual([
    "httpPort: rootless Docker can't take port 80",
    "httpsPort: rootless Docker can't take port 443",
  ]);
});

test("warns of a certificate that the running site shouldn't serve, and of Let's Encrypt's staging", async () => {
  const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
  const [stored, served] = [signedCertificate(["movies.example"]), signedCertificate(["movies.example"])];
  const answers: Parameters<typeof fakeDocker>[0] = [
    [/^exec movies-prod-nginx cat/, stored.chain],
    [/^exec movies-prod-nginx curl/, served.chain],
  ];
  expect(await errorOf(answers)).toBe("no error");
  expect(warn.mock.lastCall?.[0]).toMatch(/^nginx serves certificate [0-9A-F]+, and the one on its volume is [0-9A-F]+; fix: docker restart/);
  const acme = { directory: "https://acme-staging-v02.api.letsencrypt.org/directory" };
  expect(await errorOf(answers, freeHost, { tls: { acme } } as unknown as Partial<Config>)).toBe("no error");
  expect(warn.mock.lastCall?.[0]).toContain("tls.acme.production is false");
});
