import { expect, test } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { reloadNginx } from "../../components/nginx-reload.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const args = { container: "movies-prod-nginx", volume: "movies-prod-nginx-files", jobId: "job1", patienceMilliseconds: 300 };

test("does nothing before nginx exists", async () => {
  const { docker, calls } = fakeDocker([[/^inspect/, new DockerError("Error: No such container: movies-prod-nginx", 1)]]);
  expect(await reloadNginx({ ...args, docker })).toBe(false);
  expect(calls).toHaveLength(1);
});

test("does nothing when the wanted configuration is live already", async () => {
  const { docker, calls } = fakeDocker([
    [/State.Running/, "true"],
    [/^inspect/, "new\n"],
    [/^exec/, "new\n"],
  ]);
  expect(await reloadNginx({ ...args, docker })).toBe(true);
  expect(calls.some((call) => call.includes("kill"))).toBe(false);
});

test("sends HUP and waits until the new configuration answers", async () => {
  let asked = 0;
  const { docker, calls } = fakeDocker([
    [/State.Running/, "true"],
    [/\.Image/, "sha256:1"],
    [/^inspect/, "new\n"],
    [/kill -HUP/, ""],
    [/^run/, ""],
    [/readlink/, "new"],
    [/^exec/, () => (asked++ < 2 ? "old" : "new")],
  ]);
  expect(await reloadNginx({ ...args, docker })).toBe(true);
  expect(calls.filter((call) => call.includes("kill"))).toEqual(['exec movies-prod-nginx sh -c kill -HUP "$(cat /tmp/nginx.pid)"']);
});

test("goes over to the old and the new replicas together before it goes over to the new ones", async () => {
  let live = "old";
  let current = "new";
  const { docker, calls } = fakeDocker([
    [/State.Running/, "true"],
    [/\.Image/, "sha256:1"],
    [/^inspect/, "new\n"],
    [/kill -HUP/, () => ((live = current), "")],
    [/^run .* sh old new joined-new$/s, () => ((current = "joined-new"), "")],
    [/^run .* sh new$/s, () => ((current = "new"), "")],
    [/readlink/, () => current],
    [/^exec/, () => live],
  ]);
  expect(await reloadNginx({ ...args, docker })).toBe(true);
  expect(calls.filter((call) => call.includes("kill -HUP"))).toHaveLength(2);
  expect([live, current]).toEqual(["new", "new"]);
});

test("fails with nginx's message, makes the live configuration current again", async () => {
  const log = '2026/11/21 [notice] reconfiguring\n2026/11/21 [emerg] the shared memory zone "django" is declared for another module\n';
  const { docker, calls } = fakeDocker([
    [/State.Running/, "true"],
    [/\.Image/, "sha256:1"],
    [/^inspect/, "new"],
    [/kill -HUP/, ""],
    [/readlink/, "new"],
    [/^exec/, "old"],
    [/^logs/, { stderr: log }],
    [/^run/, ""],
  ]);
  await expect(reloadNginx({ ...args, docker })).rejects.toThrow(
    'nginx kept its configuration and goes on with it; it refused the new one: 2026/11/21 [emerg] the shared memory zone "django" is declared for another module',
  );
  expect(calls.at(-1)).toBe(
    'run --rm --user 0:0 --network none --cpu-shares 128 --volume movies-prod-nginx-files:/files --entrypoint /bin/sh sha256:1 -ec ln -sfn "$1" /files/.current && mv -fT /files/.current /files/current sh old',
  );
});
