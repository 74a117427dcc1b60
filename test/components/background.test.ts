import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { backgroundEnvironment } from "../../components/background.ts";
import { container, service } from "../support/declared-container.ts";
import { reveal } from "../support/program.ts";
import { program } from "../support/unit.ts";

const command = ["celery", "--app=config", "worker"];

test("a background process is the app's image with another command, beside the replicas and out of nginx's reach", async () => {
  const { envs, ...inputs } = await container("background-tasks-1", {
    background: { tasks: { command, replicas: 2, cpus: 0.5, memory: "256m", stopSeconds: 600 } },
  });
  const replica = await container("django-0");
  expect(inputs).toEqual({
    ...service,
    user: "10001:10001",
    tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m" },
    cpuPeriod: 100_000,
    cpuQuota: 50_000,
    memory: 256,
    memorySwap: 256,
    waitTimeout: 30,
    destroyGraceSeconds: 600,
    image: expect.stringMatching(/^sha256:/),
    entrypoints: ["/bin/sh", expect.stringMatching(/^\/run\/stack\/[0-9a-f]{12}\/entry\.sh$/)],
    command: ["run", ...command],
    mounts: replica.mounts,
    networksAdvanced: [{ name: "movies-prod-app" }, { name: "movies-prod-db" }],
  });
  expect(envs).toEqual([...replica.envs, "PGOPTIONS=-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"]);
});

test("the user's own options for Postgres count", () => {
  expect(backgroundEnvironment(["PGOPTIONS=-c work_mem=1MB"])).toEqual(["PGOPTIONS=-c work_mem=1MB"]);
});

test("replicas wait for the background, which waits for the release; nginx knows of none of it", async () => {
  const { registrations } = await program("prod", { name: "movies", background: { tasks: { command } } });
  const needs = (name: string) => registrations.find((one) => one.type.endsWith(":Container") && one.name === `movies-prod-${name}`)!.dependencies;
  const names = (urns: readonly string[]) => urns.map((urn) => urn.split("::").at(-1));
  expect(names(needs("django-0"))).toContain("movies-prod-background-tasks-0");
  expect(names(needs("background-tasks-0"))).toContain("movies-prod-django-release");
  expect(names(needs("nginx"))).not.toContain("movies-prod-background-tasks-0");
});

test("it counts as working once it has run for five seconds", async () => {
  const { registrations } = await program("prod", { name: "movies", background: { tasks: { command } } });
  const declared = registrations.find(({ name }) => name === "movies-prod-background-tasks-0")!;
  const [cmd, ...check] = reveal(declared.inputs).healthcheck.tests;
  expect([cmd, ...check.slice(0, 3)]).toEqual(["CMD", "python", "-S", "-c"]);
  const run = (change: (program: string) => string) => spawnSync("python3", ["-S", "-c", change(check[3])], { encoding: "utf8" });
  // This machine's own first process is older than that; this very one isn't.
  expect(run((text) => text).status).toBe(0);
  const young = run((text) => text.replace("/proc/1/", "/proc/self/"));
  expect([young.status, young.stderr.trim()]).toEqual([1, "has run for 0 of 5 s"]);
});
