import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderBackup, renderStatus } from "../../scripts/backup/container.mjs";
import { restoreArguments } from "../../scripts/backup/restore-job.mjs";

const root = join(import.meta.dirname, "../..");
const script = (name: string, ...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts", `${name}.mjs`), ...words], { encoding: "utf8" });
  return { status, stdout, stderr };
};
const now = Date.UTC(2026, 10, 21, 12);
const hoursAgo = (hours: number) => String(now / 1000 - hours * 3600);
const kept = [
  { id: "aaaaaaaa", made: new Date(now), proven: true, bytes: 12_345_678 },
  { id: "bbbbbbbb", made: new Date(now), proven: false, bytes: 0 },
];

test("a line of the list", () => {
  expect(renderBackup(kept[0])).toBe("aaaaaaaa  2026-11-21 12:00 UTC  proven      12.3 MB");
  expect(renderBackup(kept[1])).toBe("bbbbbbbb  2026-11-21 12:00 UTC  not proven  0.0 MB");
});

test("the status of a stack whose backups are well", () => {
  const status = { verified_id: "aaaaaaaa", verified_at: hoursAgo(5) };
  expect(renderStatus({ status, kept, replaced: [], late: "", now })).toBe(
    "last proven   aaaaaaaa, 5 hours ago\nkept          1 proven, 1 not proven\nlast failure  none since",
  );
});

test("the status of one whose backups aren't", () => {
  const status = { verified_id: "aaaaaaaa", verified_at: hoursAgo(72), failed_at: hoursAgo(1), failure: "can't open it" };
  const replaced = ["django_replaced_20261121_120000"];
  expect(renderStatus({ status, kept: "backup: no answer", replaced, late: "too old", now })).toBe(
    [
      "last proven   aaaaaaaa, 3 days ago",
      "kept          backup: no answer",
      "last failure  can't open it, an hour ago",
      "replaced by restores and still kept: django_replaced_20261121_120000",
      "too old",
    ].join("\n"),
  );
});

const inspected = (name: string, more: object = {}) => ({
  Image: "sha256:image",
  Config: {
    Hostname: `${name}-backup`,
    Env: [`RESTIC_REPOSITORY=/backups/repository`, `BACKUP_FILES=/run/stack/${name}`, `BACKUP_HOST=${name}`, "BACKUP_TARGET=volume", "BACKUP_DATABASE=django", "MEDIA_USER=1:1", "PATH=/bin"],
    Labels: { "django-stack.name": name, "django-stack.stack": "prod", "django-stack.checkout": "aaaaaaaaaaaa", "django-stack.component": "backup", "django-stack.files": "x" },
  },
  HostConfig: { Memory: 1024, NetworkMode: "none", ...more },
  Mounts: [
    { Name: `${name}-backups`, Destination: "/backups", RW: true },
    { Name: `${name}-work`, Destination: "/backup-work", RW: true },
    { Name: `${name}-media`, Destination: "/vol/web/media", RW: false },
    { Name: `${name}-files`, Destination: "/run/stack", RW: false },
    { Name: `${name}-socket`, Destination: "/run/postgresql", RW: true },
  ],
}); // prettier-ignore

test("a restore is made like what makes the backups, but as root with named capabilities, and with the media files writable", () => {
  const args = restoreArguments({ container: inspected("movies"), words: ["latest"] });
  const values = (option: string) => args.flatMap((word: string, index: number) => (args[index - 1] === option ? [word] : []));
  expect(values("--user")).toEqual(["0:0"]);
  expect(values("--cap-drop")).toEqual(["ALL"]);
  expect(values("--cap-add")).toEqual(["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]);
  expect(values("--network")).toEqual(["none"]);
  expect(values("--volume").sort()).toEqual([
    "movies-backups:/backups", "movies-files:/run/stack:ro", "movies-media:/vol/web/media", "movies-socket:/run/postgresql", "movies-work:/backup-work",
  ]); // prettier-ignore
  expect(values("--env")).toEqual(["BACKUP_DATABASE=django", "MEDIA_USER=1:1", "RESTIC_REPOSITORY=/backups/repository", "BACKUP_FILES=/run/stack/movies", "BACKUP_HOST=movies", "BACKUP_TARGET=volume"]); // prettier-ignore
  expect(values("--label")).toContain("django-stack.component=restore");
  expect(args.slice(-3)).toEqual(["sha256:image", "/usr/local/lib/backup/restore.sh", "latest"]);
});

test("another stack's backups are only read", () => {
  const source = inspected("movies", { NetworkMode: "movies-backup" });
  const args = restoreArguments({ container: inspected("staging"), source, words: ["latest"] }).join(" ");
  expect(args).toContain("--volume movies-backups:/backups:ro --volume movies-files:/run/stack:ro");
  expect(args).toContain("--volume staging-media:/vol/web/media --volume");
  expect(args).toContain("--env BACKUP_HOST=movies --env BACKUP_TARGET=volume --env BACKUP_READ_ONLY=yes");
  expect(args).toContain("--network movies-backup");
  expect(args).not.toContain("staging-backups");
});

test.each([
  ["backup", ["prod", "nwo"], "nwo: unknown; allowed: now, list, status, verify"],
  ["backup", ["prod", "list", "aaaaaaaa"], "aaaaaaaa: list takes no id"],
  ["backup", [], "name a stack; allowed: dev, prod"],
  ["restore", ["prod"], "give one of: a backup's id or latest, --dump, --discard"],
  ["restore", ["prod", "latest", "--discard"], "give one of: a backup's id or latest, --dump, --discard"],
  ["restore", ["prod", "latest", "--from=nothing"], "nothing: there is no Pulumi.nothing.yaml"],
  ["restore", ["prod", "latest", "--media=./media"], "--media and --media-volume go with --dump"],
])("npm run %s -- %j is wrong use", (name, words, message) => {
  const { status, stderr } = script(name, ...words);
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test.each(["backup", "restore"])("npm run %s -- --help has an example", (name) => {
  expect(script(name, "--help")).toEqual({ status: 0, stdout: expect.stringContaining(`Example: npm run ${name} -- prod`), stderr: "" });
});

test("a dump that isn't there is named before anything is touched", () => {
  const { status, stderr } = script("restore", "prod", "--dump=./nothing.dump", "--yes");
  expect([status, stderr]).toEqual([1, expect.stringContaining("./nothing.dump isn't there")]);
});
