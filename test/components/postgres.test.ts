import { expect, test } from "vitest";
import { container, job, service } from "../support/declared-container.ts";

test("Postgres", async () => {
  expect(await container("postgres")).toEqual({
    ...service,
    user: "999:999",
    tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m" },
    cpuPeriod: 100_000,
    cpuQuota: 200_000,
    memory: 1024,
    memorySwap: 1024,
    shmSize: 256,
    waitTimeout: 120,
    destroyGraceSeconds: 120,
    stopSignal: "SIGINT",
    image: "sha256:movies-prod-postgres-image",
    entrypoints: ["/bin/bash", "/run/stack/initial/start.sh"],
    command: [
      "postgres", "-c", "max_connections=200", "-c", "shared_buffers=256MB", "-c", "effective_cache_size=768MB", "-c", "maintenance_work_mem=64MB",
      "-c", "work_mem=4MB", "-c", "max_wal_size=1024MB", "-c", "random_page_cost=1.1",
    ], // prettier-ignore
    envs: [
      "POSTGRES_DATA=/var/lib/postgresql",
      "POSTGRES_PASSWORD_FILE=/run/stack/initial/password",
      "POSTGRES_INITDB_ARGS=--data-checksums --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256",
    ],
    mounts: [
      { type: "volume", source: "movies-prod-postgres-18-data", target: "/var/lib/postgresql" },
      { type: "volume", source: "movies-prod-postgres-files", target: "/run/stack", readOnly: true },
      { type: "volume", source: "movies-prod-postgres-socket", target: "/run/postgresql" },
    ],
    networksAdvanced: [{ name: "movies-prod-db", aliases: ["postgres"] }],
  });
});

test("Postgres before 18 keeps its data one level lower", async () => {
  const { image, mounts } = await container("postgres", { postgres: { version: 17 } });
  expect(image).toBe("sha256:movies-prod-postgres-image");
  expect(mounts[0]).toEqual({ type: "volume", source: "movies-prod-postgres-17-data", target: "/var/lib/postgresql/data" });
});

test("the job that an image and settings of Postgres must pass", async () => {
  const { uploads, ...inputs } = await container("postgres-trial", {
    postgres: {
      image: "postgis/postgis:18-3.6",
      extensions: ["postgis", "pg_trgm"],
      settings: { work_mem: "8MB", "auto_explain.log_analyze": true },
    },
  });
  expect(inputs).toEqual({
    ...job,
    user: "0:0",
    capabilities: { drops: ["ALL"], adds: ["CAP_SETGID", "CAP_SETUID"] },
    memory: 1536,
    memorySwap: 1536,
    image: "sha256:movies-prod-postgres-image",
    networkMode: "none",
    entrypoints: ["timeout", "120", "/bin/bash", "/run/try-postgres.sh"],
    command: [
      "postgres", "-c", "max_connections=200", "-c", "shared_buffers=256MB", "-c", "effective_cache_size=768MB", "-c", "maintenance_work_mem=64MB",
      "-c", "work_mem=8MB", "-c", "max_wal_size=1024MB", "-c", "random_page_cost=1.1", "-c", "auto_explain.log_analyze=true",
    ], // prettier-ignore
    envs: [
      "POSTGRES_EXTENSIONS=postgis pg_trgm",
      "POSTGRES_INITDB_ARGS=--data-checksums --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256",
      "POSTGRES_VERSION=18",
    ],
    tmpfs: { "/var/lib/postgresql": "rw,noexec,nosuid,nodev,size=64k", "/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=512m" },
  });
  expect(uploads.map(({ file, permissions }: any) => [file, permissions])).toEqual([["/run/try-postgres.sh", "0500"]]);
  expect((await container("postgres", { postgres: { settings: { work_mem: "8MB" } } })).command).toContain("work_mem=8MB");
});

test("the roles job", async () => {
  const { uploads, ...inputs } = await container("postgres-roles");
  expect(inputs).toEqual({
    ...job,
    user: "0:0",
    capabilities: { drops: ["ALL"], adds: ["CAP_SETGID", "CAP_SETUID"] },
    memory: 128,
    memorySwap: 128,
    image: "sha256:movies-prod-postgres-image",
    networkMode: "none",
    entrypoints: ["timeout", "60", "/bin/sh", "-c"],
    command: ["exec setpriv --reuid=999 --regid=999 --clear-groups psql --no-psqlrc --dbname=postgres < /run/roles.sql"],
    mounts: [{ type: "volume", source: "movies-prod-postgres-socket", target: "/run/postgresql" }],
    tmpfs: { "/var/lib/postgresql": "rw,noexec,nosuid,nodev,size=64k" },
  });
  expect(uploads).toEqual([{ file: "/run/roles.sql", content: expect.stringContaining("\\echo roles: django_odd in use"), permissions: "0400" }]);
});

test("the job that takes another major version's data over", async () => {
  const { uploads, ...inputs } = await container("postgres-upgrade", {
    postgres: { version: 18, upgradeFrom: 17, settings: { shared_preload_libraries: "pg_stat_statements" } },
  });
  expect(inputs).toEqual({
    ...job,
    user: "0:0",
    capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"] },
    memory: 1024,
    memorySwap: 1024,
    image: "sha256:movies-prod-postgres-image",
    networkMode: "none",
    entrypoints: ["timeout", "86400", "/bin/bash", "/run/upgrade.sh"],
    envs: [
      "FROM=17",
      "FROM_DATA=/from",
      "POSTGRES_DATABASE=django",
      "POSTGRES_INITDB_ARGS=--data-checksums --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256",
      "POSTGRES_PRELOAD_LIBRARIES=pg_stat_statements",
      "TO=18",
      "TO_DATA=/to",
    ],
    mounts: [
      { type: "volume", source: "movies-prod-postgres-17-data", target: "/from" },
      { type: "volume", source: "movies-prod-postgres-18-data", target: "/to" },
      { type: "volume", source: "movies-prod-postgres-socket", target: "/run/other" },
      { type: "volume", source: "movies-prod-postgres-files", target: "/run/stack", readOnly: true },
    ],
    tmpfs: { "/var/lib/postgresql": "rw,noexec,nosuid,nodev,size=64k" },
  });
  expect(uploads.map(({ file, permissions }: any) => [file, permissions])).toEqual([
    ["/run/upgrade.sh", "0500"],
    ["/run/content.sql", "0444"],
    ["/run/roles.sql", "0400"],
  ]);
});

test("without the word there is no such job", async () => {
  expect(await container("postgres-upgrade")).toEqual({});
});
