import { execFileSync } from "node:child_process";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Backups, Checkout, query } from "../support/backups.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { docker, Site } from "../support/site.ts";
import { loadDuring } from "../support/site-load.ts";
import { runInShell } from "../support/visitors.ts";

// The machine that it runs on has an engine of its own, where nothing of the stack must come to be; DOCKER_HOST leads nowhere, so
// that a command of ours that isn't told of the server fails. The test itself looks at the server through its socket.
const server = process.env.DJANGO_STACK_TEST_SERVER ?? "";
const nowhere = { DOCKER_HOST: "unix:///nowhere/docker.sock" };
const onThisMachine = (...args: string[]) =>
  execFileSync("docker", args, { env: { ...process.env, DOCKER_HOST: process.env.DJANGO_STACK_TEST_HOST_ENGINE || undefined }, encoding: "utf8" });

const stack = { current: undefined as ContainerStack | undefined };
const site = new Site("dsserver", (name, config) => (stack.current = new ContainerStack(name, config, nowhere)), {
  port: 28443,
  config: { "docker:host": server, bindAddress: "0.0.0.0" },
});
const view = join(site.project, "movies/views.py");
const page = async () => (await site.anonymous().request("/")).status;

beforeAll(() => site.start());
afterAll(() => site.stop());

test("a fresh stack answers on the server, and nothing of it is on this machine", async () => {
  expect(await page()).toBe(200);
  const lists = [
    ["ps", "--all", "--format", "{{.Names}}"],
    ["volume", "ls", "--format", "{{.Name}}"],
    ["network", "ls", "--format", "{{.Name}}"],
    ["image", "ls", "--format", "{{.Repository}}"],
  ];
  expect(lists.flatMap((list) => onThisMachine(...list).split("\n")).filter((name) => name.startsWith("dsserver-"))).toEqual([]);
  expect(docker("ps", "--format", "{{.Names}}")).toContain("dsserver-prod-nginx");
});

test("changes nothing when nothing changed", async () => {
  expect((await site.stack.up()).operations).toEqual([]);
});

test("new code is rolled out with no failed request", async () => {
  const before = site.containersOf("django");
  appendFileSync(view, "# changed\n");
  const { requests, missing, doubled } = await loadDuring(site, 30, () => site.up());
  expect(requests.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect([requests.length > 300, missing, doubled]).toEqual([true, [], []]);
  expect(site.containersOf("django").filter((id) => before.includes(id))).toEqual([]);
  expect(stack.current?.warnings.filter((warning) => /tidying up|processes/.test(warning))).toEqual([]);
});

test("a release that fails ends `up` with its log, and the old version serves", async () => {
  const migration = join(site.project, "movies/migrations/0099_fails.py");
  writeFileSync(migration, 'raise RuntimeError("the migration of this test")\n');
  try {
    await expect(site.up()).rejects.toThrow(/failed with exit code 1; what ran before goes on[^]*RuntimeError: the migration of this test/);
  } finally {
    rmSync(migration);
  }
  expect(await page()).toBe(200);
  await site.up();
  expect(await page()).toBe(200);
});

test("a port that another container of the server holds is refused, with its name, before anything is touched", async () => {
  const image = docker("inspect", "--format", "{{.Image}}", "dsserver-prod-nginx").trim();
  docker("run", "--detach", "--name", "holder", "--publish", "127.0.0.1:18555:80", "--entrypoint", "sleep", image, "600");
  const { config } = site.stack;
  const before = docker("ps", "--all", "--quiet");
  try {
    site.stack.config = { ...config, httpPort: "18555" };
    await expect(site.up()).rejects.toThrow("httpPort: port 18555 is held by container holder; fix: stop it, or set httpPort to another port");
    expect(docker("ps", "--all", "--quiet")).toBe(before);
  } finally {
    site.stack.config = config;
    docker("rm", "--force", "holder");
  }
});

test("the commands among the outputs reach the server", () => {
  const { manage, dumpdata } = site.outputs.commands;
  const run = (command: string) => execFileSync("sh", ["-c", command], { env: { ...process.env, ...nowhere }, encoding: "utf8" });
  expect(run(`${manage.replace("exec -it", "exec")} showmigrations movies`)).toContain("[X] 0001_initial");
  expect(JSON.parse(run(dumpdata.replace(" > fixture.json", "")))).toContainEqual(expect.objectContaining({ model: "auth.user" }));
});

test("npm run backup and restore work on the server that the stack's file names", async () => {
  const checkout = new Checkout(site, nowhere);
  try {
    await new Backups(site).first();
    runInShell(site.containersOf("django")[0], 'from movies.models import Movie; Movie.objects.create(title="Kept", year=1979)');
    const made = await checkout.run("backup", "prod");
    expect(made).toMatchObject({ code: 0, output: expect.stringMatching(/proved [0-9a-f]{8}/) });
    expect(await checkout.run("backup", "prod", "status")).toMatchObject({ code: 0, output: expect.stringContaining("last failure  none since") });
    query(site, "delete from movies_movie");
    expect(await checkout.run("restore", "prod", "latest", "--yes")).toMatchObject({ code: 0 });
    expect(query(site, "select title from movies_movie where title = 'Kept'")).toBe("Kept");
    expect(await page()).toBe(200);
  } finally {
    checkout.dispose();
  }
});
