import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { FilesVolume } from "../../components/files-volume.ts";
import { componentResources, labelsOf, owner } from "../support/component.ts";

const args = {
  owner,
  component: "nginx",
  dockerHost: undefined,
  image: "sha256:tool",
  id: "abc",
  files: pulumi.secret({ "tls/key.pem": "key", "nginx.conf": "conf" }),
  user: "101:101",
};

test("a labelled volume, and a job without network that fills it", async () => {
  const resources = await componentResources(() => new FilesVolume("movies-prod-nginx-files", { ...args, check: "nginx -t" }));
  expect(Object.keys(resources)).toEqual(["Volume movies-prod-nginx-files", "Container movies-prod-nginx-files-job"]);
  const job = resources["Container movies-prod-nginx-files-job"];
  expect(job.inputs).toMatchObject({
    image: "sha256:tool",
    user: "0:0",
    networkMode: "none",
    entrypoints: ["timeout", "60", "/bin/sh", "/run/fill.sh"],
    envs: ["FILES_ID=abc", "FILES_USER=101:101", "FILES_CHECK=nginx -t"],
    mounts: [{ type: "volume", source: "movies-prod-nginx-files", target: "/files" }],
    uploads: [
      { file: "/run/fill.sh", content: readFileSync(join(import.meta.dirname, "../../containers/fill.sh"), "utf8"), permissions: "0500" },
      { file: "/incoming.bundle", content: "4 nginx.conf\nconf\n3 tls/key.pem\nkey\n", permissions: "0600" },
    ],
    capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"] },
  });
  expect(labelsOf(job)).toEqual({ ...owner, component: "nginx", job: "files", files: "abc" });
  expect([job.deleteBeforeReplace, job.afterCreate]).toEqual([false, ["movies-prod-nginx-files-job-gate"]]);
});

test("volumes that the reader may write to, and empty folders in their place for the check", async () => {
  const resources = await componentResources(
    () => new FilesVolume("movies-prod-nginx-files", { ...args, check: "nginx -t", writable: { "/var/lib/acme": "movies-prod-acme-state" } }),
  );
  const { mounts, tmpfs } = resources["Container movies-prod-nginx-files-job"].inputs;
  expect(mounts[1]).toEqual({ type: "volume", source: "movies-prod-acme-state", target: "/writable/0" });
  expect(tmpfs).toEqual({ "/var/lib/acme": "rw,noexec,nosuid,nodev,uid=101,gid=101,mode=0700,size=1m" });
});

test("no check where there is none", async () => {
  const resources = await componentResources(() => new FilesVolume("movies-prod-django-files", args));
  expect(resources["Container movies-prod-django-files-job"].inputs.envs).toEqual(["FILES_ID=abc", "FILES_USER=101:101"]);
});
