import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { letReplicasGo } from "../../components/leaving-replicas.ts";
import { fakeDocker } from "../support/fake-docker.ts";

afterEach(() => void vi.useRealTimers());

/** Lets replicas go; returns for how long each command asked after nginx's workers, and who was told. */
async function letGo(
  answer: string | DockerError | (() => string),
  { seconds = 60, workers = ["21", "22"], successor = false, kill = "" as string | DockerError } = {},
) {
  const { docker, calls } = fakeDocker([
    [/^exec movies-prod-nginx sh -c /, answer],
    [/^kill/, kill],
  ]);
  const replicas = ["movies-prod-django-0-a", "movies-prod-django-1-b"];
  await letReplicasGo({ docker, container: "movies-prod-nginx", replicas, workers, seconds, successor });
  const asked = calls.filter((call) => call.startsWith("exec")).map((call) => call.split("\n").at(-1)?.replace("echo gone sh ", ""));
  return { asked, told: calls.filter((call) => call.startsWith("kill")) };
}

const told = ["kill --signal=URG movies-prod-django-0-a movies-prod-django-1-b"];

test("asks until nginx's workers of before have gone, then tells the replicas", async () => {
  let asked = 0;
  expect(await letGo(() => (++asked < 3 ? "" : "gone\n"))).toEqual({ asked: ["20 21 22", "20 21 22", "20 21 22"], told });
});

test("waits no longer than they may go on, and has the replicas drain then", async () => {
  vi.useFakeTimers();
  const waiting = () => (vi.advanceTimersByTime(20_000), "");
  expect(await letGo(waiting, { seconds: 45 })).toEqual({ asked: ["20 21 22", "20 21 22", "5 21 22"], told: [] });
  expect(await letGo("gone\n", { seconds: 0 })).toEqual({ asked: [], told: [] });
  expect(await letGo("gone\n", { seconds: -2 })).toEqual({ asked: [], told: [] });
});

test("waits no longer than they may go on, and tells the replicas all the same where what they hold has a successor", async () => {
  vi.useFakeTimers();
  const waiting = () => (vi.advanceTimersByTime(20_000), "");
  expect(await letGo(waiting, { seconds: 7, successor: true })).toEqual({ asked: ["7 21 22"], told });
  expect(await letGo("gone\n", { seconds: 7, workers: [], successor: true })).toEqual({ asked: [], told: [] });
});

test("tells nobody where it can't know: nginx was started anew, the engine is away, no worker was named", async () => {
  expect(await letGo(new DockerError("Container 1 is restarting", 1))).toEqual({ asked: ["20 21 22"], told: [] });
  expect(await letGo("gone\n", { workers: [] })).toEqual({ asked: [], told: [] });
});

test("a replica that is gone needn't be told", async () => {
  expect((await letGo("gone\n", { kill: new DockerError("No such container: movies-prod-django-0-a", 1) })).told).toEqual(told);
});

test("the question waits for just these processes to be no workers of nginx's any more", async () => {
  const { docker, calls } = fakeDocker([[/^(exec|kill)/, "gone"]]);
  await letReplicasGo({ docker, container: "x", replicas: ["y"], workers: ["1"], seconds: 1, successor: false });
  const [, script = ""] = /^exec x sh -c ([^]*) sh 1 1$/.exec(calls[0]) ?? [];
  const worker = spawn("bash", ["-c", "exec -a 'nginx: worker process is shutting down' sleep 1"]);
  const other = spawn("sleep", ["20"]);
  const ask = (seconds: number, ...processes: number[]) =>
    execFileSync("sh", ["-c", script, "sh", String(seconds), ...processes.map(String)], { encoding: "utf8" });
  // Until bash has become it.
  while (!readFileSync(`/proc/${worker.pid}/cmdline`, "utf8").startsWith("nginx: worker")) continue;
  expect(ask(0, worker.pid ?? 0, other.pid ?? 0)).toBe("");
  expect(ask(10, worker.pid ?? 0, other.pid ?? 0)).toBe("gone\n");
  other.kill();
});
