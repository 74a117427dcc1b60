import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ContainerStack } from "../test/support/container-stack.ts";
import { PulumiStack } from "../test/support/pulumi-stack.ts";
import { composeCommand, ComposeProject } from "./load/compose-project.ts";

const root = join(import.meta.dirname, "..");
const project = join(tmpdir(), `django-stack-bench-${process.pid}`);
const config = { environment: "prod", name: "dsbench", httpPort: "18090", httpsPort: "18453", bindAddress: "127.0.0.1", app: { context: project } };
const rows: { measure: string; ours: string; peer: string; ratio: string; target: string }[] = [];
const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8", maxBuffer: 1e8 });
const runs = 3;

cpSync(join(root, "django"), project, { recursive: true });

afterAll(async () => {
  await new ContainerStack("prod", config).sweep();
  rmSync(project, { recursive: true });
  rmSync(join(tmpdir(), `dsbench-compose-${process.pid}`), { recursive: true, force: true });
  const machine = `${cpus().length} x ${cpus()[0].model}, Docker ${docker("version", "--format", "{{.Server.Version}}").trim()}, ${new Date().toISOString().slice(0, 10)}`;
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(join(root, "bench/results/stack.json"), `${JSON.stringify({ machine, runs, rows }, null, 2)}\n`);
  console.log(`\n${machine}; medians of ${runs}\n`);
  console.table(rows);
});

async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (value: number) => `${value.toFixed(2)} s`;

test("a rebuild after a change of one line beside a cold build", async () => {
  const build = (...args: string[]) => docker("build", "--quiet", ...args, "--tag", "dsbench-prod-build", project);
  const cold: number[] = [];
  const warm: number[] = [];
  for (let run = 0; run < runs; run++) {
    cold.push(await seconds(() => build("--no-cache")));
    appendFileSync(join(project, "movies/views.py"), `# ${run}\n`);
    warm.push(await seconds(() => build()));
  }
  docker("image", "rm", "--force", "dsbench-prod-build");
  rows.push({
    measure: "rebuild after a one-line change / cold build",
    ours: shown(median(warm)),
    peer: shown(median(cold)),
    ratio: (median(warm) / median(cold)).toFixed(2),
    target: "<= 0.10",
  });
});

test("a fresh production stack with images at hand beside docker compose", async () => {
  const compose = composeCommand();
  const image = "dsbench-prod-compose";
  docker("build", "--quiet", "--tag", image, project);
  const peer: number[] = [];
  const ours: number[] = [];
  let memory = "";
  for (let run = 0; run < runs; run++) {
    if (compose !== undefined) {
      const peerProject = new ComposeProject("dsbench-prod-peer", image, 18454, join(tmpdir(), `dsbench-compose-${process.pid}`));
      peer.push(await seconds(() => peerProject.compose("up", "--detach", "--wait")));
      peerProject.compose("down", "--volumes");
    }
    const stack = new ContainerStack("prod", { ...config, protectData: "false", app: { context: project, drainSeconds: 6 } });
    await stack.up();
    await stack.sweepObjects();
    const again = new ContainerStack("prod", stack.config);
    ours.push(await seconds(() => again.up()));
    memory = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}").split("\n").filter((line) => line.startsWith("dsbench-prod-")).map((line) => line.replace("dsbench-prod-", "").split(" / ")[0]).sort().join(", "); // prettier-ignore
    await again.sweepObjects();
  }
  const peerShown = peer.length > 0 ? shown(median(peer)) : "not measured: no docker compose 2 here";
  rows.push({
    measure: "fresh stack, containers alone without Pulumi / compose up",
    ours: shown(median(ours)),
    peer: peerShown,
    ratio: peer.length > 0 ? (median(ours) / median(peer)).toFixed(2) : "",
    target: "",
  });
  rows.push({ measure: "idle memory", ours: memory, peer: "", ratio: "", target: "" });
});

test("the same through Pulumi, and an up and a preview that change nothing", async () => {
  const names = ["fresh stack through Pulumi", "preview without refresh that changes nothing", "up that changes nothing"];
  const targets = ["<= 1.5 x compose up", "<= 4 s", "0 changes"];
  const pulumi = process.env.DJANGO_STACK_TEST_PULUMI;
  if (!pulumi) {
    names.forEach((measure, index) =>
      rows.push({ measure, ours: "not measured: there is no Pulumi here", peer: "", ratio: "", target: targets[index] }),
    );
    return;
  }
  const stack = new PulumiStack("prod", { ...config, httpPort: 18090, httpsPort: 18453, protectData: false });
  try {
    const fresh = await seconds(() => stack.up());
    const previews: number[] = [];
    for (let run = 0; run < runs; run++) previews.push(await seconds(() => stack.pulumi("preview", "--refresh=false")));
    const { operations } = await stack.up();
    [shown(fresh), shown(median(previews)), `${operations.length} changes`].forEach((ours, index) =>
      rows.push({ measure: names[index], ours, peer: "", ratio: "", target: targets[index] }),
    );
    expect(previews.length).toBe(runs);
  } finally {
    await stack.sweep();
    stack.dispose();
  }
});
