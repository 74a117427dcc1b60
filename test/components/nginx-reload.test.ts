import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { awaitOldWorkers, reloadNginx } from "../../components/nginx-reload.ts";
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

test("tells when replicas of before have left", async () => {
  const { docker } = fakeDocker([...running, [/^run/, "replicas leave\n"]]);
  expect(await reloadNginx({ ...args, docker })).toBe("replicas leave");
});

describe("nginx's workers of before", () => {
  afterEach(() => void vi.useRealTimers());

  /** Waits and returns for how long each command asked. */
  const wait = async (answer: () => string, seconds: number) => {
    const { docker, calls } = fakeDocker([[/^exec movies-prod-nginx sh -c [^]* sh \d+$/, answer]]);
    await awaitOldWorkers({ docker, container: "movies-prod-nginx", seconds });
    return calls.map((call) => Number(call.split(" ").at(-1)));
  };

  test("are asked after until they have gone", async () => {
    let asked = 0;
    expect(await wait(() => (++asked < 3 ? "" : "gone\n"), 60)).toEqual([20, 20, 20]);
  });

  test("are waited for no longer than they may go on", async () => {
    vi.useFakeTimers();
    const asks = wait(() => (vi.advanceTimersByTime(20_000), ""), 45);
    expect(await asks).toEqual([20, 20, 5]);
    expect(await wait(() => "", 0)).toEqual([]);
    expect(await wait(() => "", -2)).toEqual([]);
  });

  test("have gone where nginx was started anew", async () => {
    const { docker, calls } = fakeDocker([[/^exec/, new DockerError("Container 1 is restarting", 1)]]);
    await awaitOldWorkers({ docker, container: "movies-prod-nginx", seconds: 60 });
    expect(calls).toHaveLength(1);
  });
});
