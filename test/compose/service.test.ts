import { describe, expect, test } from "vitest";
import { packFiles } from "../../components/file-bundle.ts";
import { composeService, uploadedFiles, type ComposeNames } from "../../compose/service.ts";

const names: ComposeNames = {
  image: (image, service) => ({ image: `image of ${image}`, ...(service === "builder" ? { build: { context: "../django" } } : {}) }),
  network: (name) => name.replace("movies-prod-", ""),
  volume: (name) => name.replace("movies-prod-", ""),
  path: (path) => `..${path}`,
  files: (service) => `./files/${service}`,
};
const service = (inputs: Record<string, unknown>, further: Partial<Parameters<typeof composeService>[0]> = {}) =>
  composeService({ service: "django-0", inputs, needs: [], ...further }, names);

describe("each input of a container", () => {
  test.each<[Record<string, unknown>, Record<string, unknown>]>([
    [{ image: "sha256:1" }, { image: "image of sha256:1" }],
    [{ hostname: "movies-prod-backup" }, { hostname: "movies-prod-backup" }],
    [{ user: "101:101" }, { user: "101:101" }],
    [{ groupAdds: ["10001"] }, { group_add: ["10001"] }],
    [{ entrypoints: ["timeout", "60"] }, { entrypoint: ["timeout", "60"] }],
    [{ command: ["chown", "1:1", "/x"] }, { command: ["chown", "1:1", "/x"] }],
    [{ envs: ["A=1", "B=x=y", "EMPTY="] }, { environment: { A: "1", B: "x=y", EMPTY: "" } }],
    [{ networkMode: "none" }, { network_mode: "none" }],
    [
      { networksAdvanced: [{ name: "movies-prod-db", aliases: ["postgres"] }, { name: "movies-prod-dev" }] },
      { networks: { db: { aliases: ["postgres"] }, dev: {} } },
    ],
    [{ ports: [{ internal: 8443, external: 443, ip: "::" }] }, { ports: [{ target: 8443, published: "443", host_ip: "::", protocol: "tcp" }] }],
    [
      {
        mounts: [
          { type: "volume", source: "movies-prod-static-data", target: "/vol", readOnly: true },
          { type: "volume", source: "movies-prod-media-data", target: "/media" },
          { type: "bind", source: "/django", target: "/srv/app" },
        ],
      },
      {
        volumes: [
          { type: "volume", source: "static-data", target: "/vol", read_only: true },
          { type: "volume", source: "media-data", target: "/media" },
          { type: "bind", source: "../django", target: "/srv/app" },
        ],
      },
    ],
    [{ tmpfs: { "/tmp": "rw,size=64m" } }, { tmpfs: ["/tmp:rw,size=64m"] }],
    [{ shmSize: 256 }, { shm_size: "256m" }],
    [
      { healthcheck: { tests: ["CMD", "true"], interval: "2s", timeout: "5s", startPeriod: "1m0s", retries: 5 } },
      { healthcheck: { test: ["CMD", "true"], interval: "2s", timeout: "5s", start_period: "1m0s", retries: 5 } },
    ],
    [{ restart: "unless-stopped" }, { restart: "unless-stopped" }],
    [{ init: true }, { init: true }],
    [{ stopSignal: "SIGQUIT" }, { stop_signal: "SIGQUIT" }],
    [{ destroyGraceSeconds: 43 }, { stop_grace_period: "43s" }],
    [{ readOnly: true }, { read_only: true }],
    [{ capabilities: { drops: ["ALL"] } }, { cap_drop: ["ALL"] }],
    [{ capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] } }, { cap_drop: ["ALL"], cap_add: ["CHOWN"] }],
    [{ securityOpts: ["no-new-privileges:true"] }, { security_opt: ["no-new-privileges:true"] }],
    [{ cpuPeriod: 100000 }, { cpu_period: 100000 }],
    [{ cpuQuota: 50000 }, { cpu_quota: 50000 }],
    [{ cpuShares: 128 }, { cpu_shares: 128 }],
    [{ memory: 512 }, { mem_limit: "512m" }],
    [{ memorySwap: 512 }, { memswap_limit: "512m" }],
    [{ ulimits: [{ name: "nofile", soft: 1, hard: 2 }] }, { ulimits: { nofile: { soft: 1, hard: 2 } } }],
    [{ logDriver: "json-file", logOpts: { "max-size": "10m" } }, { logging: { driver: "json-file", options: { "max-size": "10m" } } }],
    [{ labels: [{ label: "django-stack.component", value: "nginx" }] }, { labels: { "django-stack.component": "nginx" } }],
    [{ labels: [{ label: "django-stack.processes", value: "65" }] }, { pids_limit: 65, labels: { "django-stack.processes": "65" } }],
    // Others wait by their depends_on, and Compose names containers itself.
    [{ attach: true, logs: true, mustRun: false, wait: true, waitTimeout: 60, name: "movies-prod-nginx" }, {}],
    [{ ports: undefined, command: null }, {}],
  ])("%j", (inputs, expected) => {
    expect(service(inputs)).toEqual(expected);
  });

  test("that is unknown ends the export, by its name", () => {
    expect(() => service({ image: "x", privileged: true, dns: ["1.1.1.1"] })).toThrow(
      new Error("django-0: there is no Compose key for container.privileged, container.dns"),
    );
  });
});

test("a service waits for what it needs: the end of a job, the health of a service", () => {
  const needs = [
    { service: "django-release", job: true },
    { service: "postgres", job: false },
  ];
  expect(service({}, { needs })).toEqual({
    depends_on: { "django-release": { condition: "service_completed_successfully" }, postgres: { condition: "service_healthy" } },
  });
});

describe("uploads", () => {
  const uploads = [
    { file: "/run/fill.sh", content: "script", permissions: "0500" },
    { file: "/incoming.bundle", content: packFiles({ "nginx.conf": "a", "tls/key.pem": "b", empty: "" }), permissions: "0600" },
  ];

  test("are files beside compose.yaml, mounted for reading: those of a bundle as a folder, the rest one by one", () => {
    expect(uploadedFiles({ uploads })).toEqual({
      "run/fill.sh": { content: "script", mode: 0o600 },
      "incoming/empty": { content: "", mode: 0o600 },
      "incoming/nginx.conf": { content: "a", mode: 0o600 },
      "incoming/tls/key.pem": { content: "b", mode: 0o600 },
    });
    expect(service({ uploads, mounts: [{ type: "volume", source: "movies-prod-nginx-files", target: "/files" }] }).volumes).toEqual([
      { type: "volume", source: "nginx-files", target: "/files" },
      { type: "bind", source: "./files/django-0/run/fill.sh", target: "/run/fill.sh", read_only: true },
      { type: "bind", source: "./files/django-0/incoming", target: "/incoming", read_only: true },
    ]);
  });

  test("that others may read inside the container may be read by others", () => {
    expect(uploadedFiles({ uploads: [{ file: "/run/content.sql", content: "c", permissions: "0444" }] })).toEqual({
      "run/content.sql": { content: "c", mode: 0o644 },
    });
  });

  test("can be read by the job's root, whoever they belong to", () => {
    const capabilities = (adds: string[]) => service({ uploads, capabilities: { drops: ["ALL"], adds } }).cap_add;
    expect(capabilities(["CAP_SETGID"])).toEqual(["SETGID", "DAC_READ_SEARCH"]);
    expect(capabilities(["CAP_DAC_OVERRIDE", "CAP_CHOWN"])).toEqual(["DAC_OVERRIDE", "CHOWN"]);
    expect(service({ capabilities: { drops: ["ALL"] } })).toEqual({ cap_drop: ["ALL"] });
  });
});
