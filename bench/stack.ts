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
/** How long `docker compose up` of the equal project took, where it is there. */
let composeSeconds: number | undefined;
/** A row's side of it, and the ratio to it. */
const besideCompose = (ours: number) =>
  composeSeconds === undefined
    ? { peer: "not measured: no docker compose 2 here", ratio: "" }
    : { peer: shown(composeSeconds), ratio: (ours / composeSeconds).toFixed(2) };

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
  if (peer.length > 0) composeSeconds = median(peer);
  rows.push({
    measure: "fresh stack, containers alone without Pulumi / compose up",
    ours: shown(median(ours)),
    ...besideCompose(median(ours)),
    target: "",
  });
  rows.push({ measure: "idle memory", ours: memory, peer: "", ratio: "", target: "" });
});

test("the same through Pulumi, and an up and a preview that change nothing", async () => {
  const names = ["fresh stack through Pulumi / compose up", "preview without refresh that changes nothing", "up that changes nothing"];
  const targets = ["<= 1.5", "<= 4 s", "0 changes"];
  const pulumi = process.env.DJANGO_STACK_TEST_PULUMI;
  if (!pulumi) {
    names.forEach((measure, index) =>
      rows.push({ measure, ours: "not measured: there is no Pulumi here", peer: "", ratio: "", target: targets[index] }),
    );
    return;
  }
  const stack = new PulumiStack("prod", { ...config, httpPort: 18090, httpsPort: 18453, protectData: false });
  try {
    const fresh: number[] = [];
    for (let run = 0; run < runs; run++) {
      if (run > 0) await stack.destroy();
      fresh.push(await seconds(() => stack.up()));
    }
    const previews: number[] = [];
    for (let run = 0; run < runs; run++) previews.push(await seconds(() => stack.pulumi("preview", "--refresh=false")));
    let operations: readonly unknown[] = [];
    const again = await seconds(async () => ({ operations } = await stack.up()));
    const without = { peer: "", ratio: "" };
    const ours = [shown(median(fresh)), shown(median(previews)), `${operations.length} changes, ${shown(again)}`];
    ours.forEach((value, index) =>
      rows.push({ measure: names[index], ours: value, ...(index === 0 ? besideCompose(median(fresh)) : without), target: targets[index] }),
    );
    expect(operations).toEqual([]);
  } finally {
    await stack.sweep();
    stack.dispose();
  }
});
