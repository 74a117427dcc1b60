import { expect, test } from "vitest";
import { backupWarnings } from "../../components/backup-warnings.ts";
import { DockerError } from "../../components/docker-engine.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const owner = { name: "movies", stack: "prod" };
const sameHost =
  "backup.target: the backups are on the same Docker host as the data, and are lost with it; set it to sftp:user@host:/path or s3:https://host/bucket";
const warnings = (answers: Parameters<typeof fakeDocker>[0], backup: { remote: boolean } | undefined = { remote: true }) =>
  backupWarnings({ docker: fakeDocker(answers).docker, ...owner, backup });

test("none of backups on another host that are in time", async () => {
  expect(await warnings([[/^ps --quiet --filter label=django-stack\.name=movies .*component=backup$/, "abc\n"], [/^exec abc bash -c bash .* late/, ""]])).toEqual([]); // prettier-ignore
});

test("backups on the same host", async () => {
  expect(await warnings([[/^ps/, "\n"]], { remote: false })).toEqual([sameHost]);
});

test("no backups at all", async () => {
  expect(await backupWarnings({ docker: fakeDocker([]).docker, ...owner, backup: undefined })).toEqual([
    "backup.enabled is false: nobody makes backups of this stack's data",
  ]);
});

test("late ones", async () => {
  expect(await warnings([[/^ps/, "abc\n"], [/^exec abc/, "the last proven backup is 30 hours old\n"]])).toEqual([
    "the last proven backup is 30 hours old; see docker logs abc",
  ]); // prettier-ignore
});

test("a container that doesn't answer", async () => {
  expect(await warnings([[/^ps/, "abc\n"], [/^exec abc/, new DockerError("is restarting", 1)]])).toEqual([
    "the backups can't be asked for their state: is restarting",
  ]); // prettier-ignore
});
