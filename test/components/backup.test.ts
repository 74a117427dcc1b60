import { expect, test } from "vitest";
import { bundledFiles, reveal } from "../support/program.ts";
import { program } from "../support/unit.ts";

async function resources(backup: Record<string, unknown> = {}) {
  const { registrations, outputs } = await program("prod", { name: "movies", backup });
  const of = (type: string, name: string) => {
    const found = registrations.find((candidate) => candidate.type.endsWith(`:${type}`) && candidate.name === `movies-prod-${name}`);
    return found && { ...found, inputs: JSON.parse(JSON.stringify(reveal(found.inputs))) };
  };
  return { of, outputs };
}

test("starts once the release has migrated: its dump holds locks that a migration waits for", async () => {
  const { of } = await resources();
  expect(of("Container", "backup")?.dependencies).toContainEqual(expect.stringMatching(/:Container::movies-prod-django-release$/));
});

test("the service: no network, no root, media files for reading, secrets as files", async () => {
  const { of } = await resources({ schedule: ["14:30", "02:30"] });
  const { inputs, deleteBeforeReplace } = of("Container", "backup") as any;
  const { labels: _labels, ulimits: _ulimits, logOpts: _log, logDriver: _driver, envs, ...rest } = inputs;
  expect(deleteBeforeReplace).toBe(true);
  expect(rest).toEqual({
    user: "999:999",
    groupAdds: ["10001"],
    hostname: "movies-prod-backup",
    readOnly: true,
    tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m" },
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    init: true,
    restart: "unless-stopped",
    cpuPeriod: 100_000,
    cpuQuota: 200_000,
    cpuShares: 128,
    memory: 1024,
    memorySwap: 1024,
    healthcheck: {
      tests: ["CMD", "bash", "/usr/local/lib/backup/backup.sh", "health"],
      interval: "5.7s",
      timeout: "10s",
      startPeriod: "1m0s",
      retries: 2,
    },
    wait: true,
    waitTimeout: 60,
    destroyGraceSeconds: 30,
    image: expect.stringMatching(/^sha256:/),
    networkMode: "none",
    mounts: [
      { type: "volume", source: "movies-prod-backups", target: "/backups" },
      { type: "volume", source: "movies-prod-backup-work", target: "/backup-work" },
      { type: "volume", source: "movies-prod-backup-work", target: "/var/lib/postgresql" },
      { type: "volume", source: "movies-prod-postgres-socket", target: "/run/postgresql" },
      { type: "volume", source: "movies-prod-media-data", target: "/vol/web/media", readOnly: true },
      { type: "volume", source: "movies-prod-backup-files", target: "/run/stack", readOnly: true },
    ],
  });
  expect(envs).toEqual([
    "BACKUP_DATABASE=django",
    expect.stringMatching(/^BACKUP_FILES=\/run\/stack\/[0-9a-f]{12}$/),
    "BACKUP_HOST=movies-prod",
    "BACKUP_KEEP_DAILY=7",
    "BACKUP_KEEP_MONTHLY=12",
    "BACKUP_KEEP_WEEKLY=4",
    "BACKUP_MAX_AGE_HOURS=26",
    "BACKUP_PRELOAD_LIBRARIES=",
    "BACKUP_TARGET=volume",
    "BACKUP_TIMES=02:30 14:30",
    "MEDIA_USER=10001:10001",
    "RESTIC_REPOSITORY=/backups/repository",
  ]);
});

test("the image: Postgres of the stack's version, and openssh only where it is used", async () => {
  const { of } = await resources();
  expect((of("Image", "backup-image") as any).inputs.build.args).toMatchObject({
    POSTGRES: "postgres:18",
    RESTIC: "restic/restic:0.19.1",
    PACKAGES: "",
  });
});

test("a folder of the Docker host is a volume of its own, kept when it is no longer declared", async () => {
  const { of } = await resources({ target: "/mnt/backups" });
  const [, , mounts] = [0, 0, (of("Container", "backup") as any).inputs.mounts];
  const { source } = mounts.find(({ target }: any) => target === "/backups");
  expect(source).toMatch(/^movies-prod-backup-folder-[0-9a-f]{12}$/);
  const volume = of("Volume", source.replace("movies-prod-", "")) as any;
  expect(volume.inputs).toEqual({ name: source, driverOpts: { type: "none", o: "bind", device: "/mnt/backups" } });
  expect([volume.retainOnDelete, (of("Volume", "backups") as any).protect]).toEqual([true, true]);
});

test("another host is reached over a network of its own, with its credentials in files alone", async () => {
  const { of, outputs } = await resources({
    target: "s3:https://s3.example.com/bucket",
    credentials: { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "it's" },
    passphrase: "a passphrase of the user's own",
  });
  const { inputs } = of("Container", "backup") as any;
  expect([inputs.networkMode, inputs.networksAdvanced]).toEqual([undefined, [{ name: "movies-prod-backup" }]]);
  expect(JSON.stringify(inputs)).not.toContain("it's");
  expect(bundledFiles((of("Container", "backup-files-job") as any).inputs)).toEqual({
    environment: "AWS_ACCESS_KEY_ID='id'\nAWS_SECRET_ACCESS_KEY='it'\\''s'\n",
    passphrase: "a passphrase of the user's own",
  });
  expect(outputs.backupPassphrase).toBe("a passphrase of the user's own");
});

test("switched off: nothing but the volume and the passphrase, which stay", async () => {
  const { of } = await resources({ enabled: false });
  expect([of("Container", "backup"), of("Image", "backup-image"), of("Volume", "backup-work")]).toEqual([undefined, undefined, undefined]);
  expect([of("Volume", "backups")?.protect, of("RandomPassword", "backup-passphrase")?.protect]).toEqual([true, true]);
});
