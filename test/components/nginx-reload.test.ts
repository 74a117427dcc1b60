import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { reloadNginx } from "../../components/nginx-reload.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const args = { container: "movies-prod-nginx", volume: "movies-prod-nginx-files", jobId: "job1" };
const running: [RegExp, string][] = [
  [/^inspect --format {{.State.Running}} movies-prod-nginx$/, "true\n"],
  [/^inspect --format {{index .Config.Labels "django-stack.files"}} {{.Image}} job1$/, "new sha256:1\n"],
];
const script = (name: string) => readFileSync(join(import.meta.dirname, "../../containers", name), "utf8");

test.each([
  ["isn't there", new DockerError("Error: No such container: movies-prod-nginx", 1)],
  ["doesn't run", "false\n"],
])("does nothing where nginx %s", async (_, answer) => {
  const { docker, calls } = fakeDocker([[/^inspect/, answer]]);
  expect(await reloadNginx({ ...args, docker })).toBe("no nginx");
  expect(calls).toHaveLength(1);
});

test("runs one container at nginx's side, with the new configuration's id and its patience", async () => {
  const { docker, calls } = fakeDocker([...running, [/^run/, ""]]);
  expect(await reloadNginx({ ...args, docker })).toBe("no replica leaves");
  expect(calls.slice(2)).toEqual([
    "run --rm --user 0:0 --network container:movies-prod-nginx --pid container:movies-prod-nginx --cpu-shares 128 " +
      `--volume movies-prod-nginx-files:/files --entrypoint /bin/sh sha256:1 -ec ${script("reload-nginx.sh")} sh new 10 ${script("join-replicas.sh")}`,
  ]);
});

test("fails with nginx's message where nginx keeps the configuration that it has", async () => {
  const log = '2026/11/21 [notice] reconfiguring\n2026/11/21 [emerg] the shared memory zone "django" is declared for another module\n';
  const { docker } = fakeDocker([
    ...running,
    [/^run/, new DockerError("1763840000", 3)],
    [/^logs --since 1763840000 movies-prod-nginx$/, { stderr: log }],
  ]);
  await expect(reloadNginx({ ...args, docker })).rejects.toThrow(
    'nginx kept its configuration and goes on with it; it refused the new one: 2026/11/21 [emerg] the shared memory zone "django" is declared for another module',
  );
});

test("fails with the engine's message where the container couldn't run, and doesn't blame nginx", async () => {
  const { docker, calls } = fakeDocker([...running, [/^run/, new DockerError("no space left on device", 125)]]);
  await expect(reloadNginx({ ...args, docker })).rejects.toThrow(/^no space left on device$/);
  expect(calls.some((call) => call.startsWith("logs"))).toBe(false);
});

test("tells which replicas of before leave, and which processes still know them", async () => {
  const { docker } = fakeDocker([...running, [/^run/, "replicas movies-prod-django-0-a movies-prod-django-1-b\nworkers 21 22\n"]]);
  expect(await reloadNginx({ ...args, docker })).toEqual({
    replicas: ["movies-prod-django-0-a", "movies-prod-django-1-b"],
    workers: ["21", "22"],
  });
});
