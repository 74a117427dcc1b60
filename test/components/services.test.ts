import { expect, test } from "vitest";
import { container, job, service } from "../support/declared-container.ts";
import { bundledFiles, reveal } from "../support/program.ts";
import { program } from "../support/unit.ts";

test("the images are those of the config", async () => {
  const { registrations } = await program("prod", {
    name: "movies",
    ...{ postgres: { image: "registry.example.com/postgres:18.1" }, nginx: { image: "nginx:1.31" }, backup: { resticImage: "restic/restic:0.20.0" } },
  });
  const images = registrations.filter(({ type }) => type.endsWith(":RemoteImage")).map(({ inputs }) => reveal(inputs).name);
  expect(images.sort()).toEqual(["nginx:1.31", "registry.example.com/postgres:18.1"]);
  expect(
    reveal(registrations.find(({ type, name }) => type.endsWith(":Image") && name === "movies-prod-backup-image")!.inputs).build.args,
  ).toMatchObject({
    POSTGRES: "registry.example.com/postgres:18.1",
    RESTIC: "restic/restic:0.20.0",
  });
});

const files = expect.stringMatching(/^\/run\/stack\/[0-9a-f]{12}\/entry\.sh$/);

test("the release job", async () => {
  const { envs, ...inputs } = await container("django-release", { superuser: { username: "admin", email: "a@b.example" } });
  expect(inputs).toEqual({
    ...job,
    user: "10001:10001",
    capabilities: { drops: ["ALL"] },
    cpuShares: 128,
    memory: 512,
    memorySwap: 512,
    image: expect.stringMatching(/^sha256:/),
    entrypoints: ["/bin/sh", files],
    command: ["run", "/bin/sh", expect.stringMatching(/^\/run\/stack\/[0-9a-f]{12}\/release\.sh$/)],
    mounts: [
      { type: "volume", source: "movies-prod-django-files", target: "/run/stack", readOnly: true },
      { type: "volume", source: "movies-prod-static-data", target: "/vol/web/static" },
      { type: "volume", source: "movies-prod-temporary", target: "/vol/temporary" },
    ],
    networksAdvanced: [{ name: "movies-prod-db" }],
  });
  expect(envs.slice(-11)).toEqual([
    "CACHE_SESSION_COOKIES=",
    "DJANGO_SUPERUSER_EMAIL=a@b.example",
    expect.stringMatching(/^DJANGO_SUPERUSER_PASSWORD_FILE=\/run\/stack\/[0-9a-f]{12}\/DJANGO_SUPERUSER_PASSWORD$/),
    "DJANGO_SUPERUSER_USERNAME=admin",
    "HEALTH_PATH=/healthz",
    "LOGIN_PATHS=/admin/login/ /accounts/login/",
    "PGOPTIONS=-c lock_timeout=4s -c statement_timeout=300s -c idle_in_transaction_session_timeout=300s",
    "RELEASE_TIMEOUT_SECONDS=300",
    "STATIC_SOURCE=/srv/static",
    "WORKER_CLASS=gthread",
    "WSGI_MODULE=config.wsgi",
  ]);
});

test("Django accepts the key before and the one after, then those from elsewhere", async () => {
  const inputs = await container("django-files-job", {
    secrets: { secretKeyVersion: 4, secretKeyFallbacks: ["of_the_compose_project", "older"] },
  });
  expect(bundledFiles(inputs).SECRET_KEY_FALLBACKS).toMatch(/secret-?key-?3,\S*secret-?key-?5,of_the_compose_project,older$/);
});

test("the release job's own settings win over the user's", async () => {
  const { envs } = await container("django-release", { app: { env: { PGOPTIONS: "-c work_mem=1MB" } } });
  expect(envs.filter((line: string) => line.startsWith("PGOPTIONS="))).toEqual([
    "PGOPTIONS=-c lock_timeout=4s -c statement_timeout=300s -c idle_in_transaction_session_timeout=300s",
  ]);
});

test("a replica", async () => {
  const { envs, command, ...inputs } = await container("django-1", {
    app: { env: { GREETING: "hello" } },
    superuser: { username: "admin", email: "a@b.example" },
  });
  expect(inputs).toEqual({
    ...service,
    user: "10001:10001",
    tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=128m" },
    cpuPeriod: 100_000,
    cpuQuota: 100_000,
    memory: 512,
    memorySwap: 512,
    waitTimeout: 90,
    destroyGraceSeconds: 43,
    image: expect.stringMatching(/^sha256:/),
    entrypoints: ["/bin/sh", files],
    mounts: [
      { type: "volume", source: "movies-prod-django-files", target: "/run/stack", readOnly: true },
      { type: "volume", source: "movies-prod-static-data", target: "/vol/web/static", readOnly: true },
      { type: "volume", source: "movies-prod-media-data", target: "/vol/web/media" },
      { type: "volume", source: "movies-prod-temporary", target: "/vol/temporary" },
    ],
    networksAdvanced: [{ name: "movies-prod-app" }, { name: "movies-prod-db" }],
  });
  expect(envs).toContain("GREETING=hello");
  expect(envs.join("\n")).not.toContain("SUPERUSER");
  expect(command).toContain("--forwarded-allow-ips=127.0.0.1,172.30.0.0/16");
});

test("nginx", async () => {
  const { ports, ...inputs } = await container("nginx");
  expect(inputs).toEqual({
    ...service,
    name: "movies-prod-nginx",
    user: "101:101",
    tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,uid=101,gid=101,size=16m" },
    cpuPeriod: 100_000,
    cpuQuota: 100_000,
    memory: 256,
    memorySwap: 256,
    waitTimeout: 60,
    destroyGraceSeconds: 1,
    stopSignal: "SIGQUIT",
    image: "sha256:movies-prod-nginx-image",
    entrypoints: ["/bin/sh", "/etc/nginx/stack/current/start.sh"],
    mounts: [
      { type: "volume", source: "movies-prod-nginx-files", target: "/etc/nginx/stack", readOnly: true },
      { type: "volume", source: "movies-prod-static-data", target: "/vol/web/static", readOnly: true },
      { type: "volume", source: "movies-prod-media-data", target: "/vol/web/media", readOnly: true },
      { type: "volume", source: "movies-prod-acme-state", target: "/var/lib/acme" },
      { type: "volume", source: "movies-prod-cache", target: "/var/cache/stack" },
    ],
    networksAdvanced: [{ name: "movies-prod-edge" }, { name: "movies-prod-app" }],
  });
  expect(ports.map(({ internal, external }: Record<string, number>) => `${external}:${internal}`).slice(0, 2)).toEqual(["80:8080", "443:8443"]);
});

test("nginx's files: the rendered configuration with every replica, the certificate and its key", async () => {
  const inputs = await container("nginx-files-job", { app: { replicas: 3 } });
  const files = bundledFiles(inputs);
  expect(Object.keys(files)).toEqual([
    "error-headers.conf",
    "errors.conf",
    ...[404, 413, 429, 500, 502, 503, 504].map((status) => `errors/${status}.html`),
    "headers.conf",
    "locations.conf",
    "media-headers.conf",
    "nginx.conf",
    "proxy.conf",
    "redirect-headers.conf",
    "site-https.conf",
    "start.sh",
    "tls/certificate.pem",
    "tls/key.pem",
  ]);
  for (const index of [0, 1, 2]) expect(files["nginx.conf"]).toContain(`server movies-prod-django-${index}:9000 resolve`);
  expect([files["tls/certificate.pem"], files["tls/key.pem"]]).toEqual(["leaf\nauthority\n", "key of movies-prod-certificate-key\n"]);
  expect(inputs.envs[0]).toBe(`FILES_ID=${/return 200 "([0-9a-f]{12})/.exec(files["nginx.conf"])?.[1]}`);
});

test("the app's image", async () => {
  const { registrations } = await program("prod", {
    name: "movies",
    app: { target: "production", buildArgs: { REQUIREMENTS: "production.txt", PYTHON: 3.14 } },
  });
  const image = registrations.find(({ type }) => type === "docker:index/image:Image");
  expect(reveal(image?.inputs)).toEqual({
    imageName: "movies-prod-django:current",
    buildOnPreview: false,
    skipPush: true,
    build: {
      context: "./django",
      dockerfile: "django/Dockerfile",
      target: "production",
      args: {
        PYTHON: "3.14",
        REQUIREMENTS: "production.txt",
        DJANGO_STACK_NAME: "movies",
        DJANGO_STACK_STACK: "prod",
        DJANGO_STACK_CHECKOUT: expect.stringMatching(/^[0-9a-f]{12}$/),
      },
    },
  });
});
