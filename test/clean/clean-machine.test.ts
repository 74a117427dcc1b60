import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testHostOptions } from "../../scripts/test-host.mjs";
import { buildHost } from "../support/host-image.ts";

const root = join(import.meta.dirname, "../..");
const machine = "django-stack-test-clean";
const checkout = "/srv/django-stack";
const pulumi = process.env.DJANGO_STACK_TEST_PULUMI;
/** Where the machine has Pulumi, if it is given to it. */
const pulumiHome = "/opt/pulumi";

/** The commands of the README's first block. */
const [up, , testAll] = (/## Two commands\s+```\n([^`]+)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1] ?? "")
  .split("\n")
  .map((line) => line.split("#")[0].trim());

interface Ended {
  readonly code: number;
  /** All that was printed. */
  readonly output: string;
  readonly seconds: number;
  /** What the set-up printed, with the second at which it did. */
  readonly steps: readonly { readonly second: number; readonly line: string }[];
}

const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8", maxBuffer: 1e8 });
const quietly = (...args: string[]) => new Promise<void>((resolve) => void execFile("docker", args, () => resolve()));

async function removeMachine(): Promise<void> {
  await quietly("rm", "--force", "--volumes", machine);
  await quietly("volume", "rm", machine);
}

/** Starts the machine and clones what is committed here. */
async function startMachine(): Promise<void> {
  await removeMachine();
  const image = buildHost("clean", "trixie", "trixie");
  // A network may have a certificate authority of its own, which the machine knows and Node.js has to be told.
  const variables = ["NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt", `PULUMI_HOME=${pulumiHome}`].flatMap((line) => ["--env", line]);
  docker("run", "--init", ...testHostOptions(machine), "--volume", `${root}:/source:ro`, ...variables, image);
  docker("exec", machine, "git", "config", "--global", "--add", "safe.directory", "*");
  docker("exec", machine, "git", "clone", "--quiet", "/source", checkout);
  expect(docker("exec", machine, "sh", "-c", "command -v docker dockerd pulumi || true")).toBe("");
}

/** Types a command on the machine. */
function type(command: string): Promise<Ended> {
  const began = Date.now();
  const second = () => Math.round((Date.now() - began) / 100) / 10;
  const steps: { second: number; line: string }[] = [];
  let output = "";
  return new Promise((resolve) => {
    const child = spawn("docker", ["exec", "--workdir", checkout, machine, "sh", "-c", command], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        for (const line of text
          .split("\n")
          .filter((one) => /^(npm packages|Node\.js|Docker|base images|Compose|Pulumi|plugins|passphrase|site) /.test(one)))
          steps.push({ second: second(), line });
      });
    }
    child.on("exit", (code) => resolve({ code: code ?? 1, output, seconds: second(), steps }));
  });
}

const page = () =>
  docker("exec", machine, "node", "-e", 'fetch("http://localhost:8080/").then((answer) => answer.text()).then((text) => console.log(text))');

function report(name: string, runs: readonly Ended[]): void {
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  console.log(
    [
      ...runs.flatMap(({ steps }) => steps.map(({ second, line }) => `${second.toFixed(1).padStart(6)} s  ${line}`)),
      `a page that answers after ${seconds.toFixed(0)} s`,
    ].join("\n"),
  );
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(
    join(root, `bench/results/clean-${name}.json`),
    `${JSON.stringify({ seconds, runs: runs.map(({ steps }) => steps) }, undefined, 2)}\n`,
  );
}

/** What `npm test` has to say at its end. */
function expectPassed({ code, output }: Ended): void {
  const lines = output.trim().split("\n");
  const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lines.at(-1) ?? "") ?? [];
  console.log(
    lines
      .filter((line) => /^(skipped|failed): /.test(line))
      .concat(lines.at(-1) ?? "")
      .join("\n"),
  );
  expect([code, Number(failed)]).toEqual([0, 0]);
  expect(Number(passed)).toBeGreaterThan(500);
  if (Number(skipped) > 0) expect(output).toMatch(/^skipped: \S.*, \S/m);
}

test("the README has the two commands", () => {
  expect([up, testAll]).toEqual(["npm run up", "npm test"]);
});

describe("a clean machine that can't have Pulumi", () => {
  const runs: Ended[] = [];
  beforeAll(startMachine);
  afterAll(removeMachine);

  test("is told so at the end of the first command, and how to go without", async () => {
    const run = await type(up);
    runs.push(run);
    // Where Pulumi's download site does answer, it is all that is needed.
    if (run.code === 0) return expect(page()).toContain("<h1>Movies</h1>");
    expect(run.output).toMatch(/\nPulumi: none is on PATH[^]*\n {2}fix: install it: .*\n {2}without Pulumi: npm run up -- dev --compose\n/);
  });

  test("gets its page by that", async () => {
    const [, command] = /without Pulumi: (.*)/.exec(runs[0].output) ?? [];
    if (command !== undefined) {
      const run = await type(command);
      expect([run.code, run.output]).toEqual([0, expect.stringContaining("\nsite       http://localhost:8080\n")]);
      runs.push(run);
    }
    expect(page()).toContain("<h1>Movies</h1>");
    report("without-pulumi", runs);
  });

  test("passes the tests, and hears what it skips and why", async () => expectPassed(await type(testAll)));
});

describe.skipIf(!pulumi)("a clean machine that has Pulumi", () => {
  beforeAll(async () => {
    await startMachine();
    docker("exec", machine, "mkdir", "-p", `${pulumiHome}/bin`);
    // The command line finds its language hosts beside itself.
    docker("cp", `${dirname(pulumi ?? "")}/.`, `${machine}:${pulumiHome}/bin`);
    docker("cp", join(process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins"), `${machine}:${pulumiHome}/plugins`);
  });
  afterAll(removeMachine);

  test("gets its page by the first command", async () => {
    const run = await type(up);
    expect([run.code, run.output]).toEqual([0, expect.stringContaining("\nsite       http://localhost:8080\n")]);
    expect(page()).toContain("<h1>Movies</h1>");
    report("with-pulumi", [run]);
  });

  test("passes the tests, and hears what it skips and why", async () => expectPassed(await type(testAll)));
});
