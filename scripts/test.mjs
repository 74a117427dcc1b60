// npm test: every check and suite; what this machine can't run is skipped with its reason, and counted.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failedTests } from "./failed-tests.mjs";
import { runOnSecondEngine, runOverSsh, runPowerCut } from "./second-engine.mjs";
import { ensureCertutil, ensureChromium } from "./setup/chromium.mjs";
import { ensureCompose } from "./setup/compose.mjs";
import { ensurePython } from "./setup/python.mjs";
import { root, setUpDocker, setUpNode, setUpPulumi } from "./setup/setup.mjs";
import { fail, step, wrongUse } from "./setup/terminal.mjs";
import { startStaticChecks } from "./static-checks.mjs";
import { setUpTestPulumi } from "./test-pulumi.mjs";
import { upgradeSource } from "./upgrade-source.mjs";

const usage = `Tests the project.

  npm test                      checks, unit tests, and the suites below
  npm run test:docker           real containers: nginx's configuration, both environments, changes and crashes under load
  npm run test:compose          the stack under Docker Compose; upgrades of Postgres there are not part of npm test
  npm run test:edge             testssl.sh's grade of the site's TLS, malformed requests, slow clients, ACME
  npm run test:data             backups, restores, upgrades of Postgres, moving in; of these npm test has restores and upgrades
  npm run test:engines          the core of it on a second, newer Docker engine, and on that one as a server, over ssh
  npm run test:e2e              the same through the real Pulumi
  npm run test:faults           crashes, a database that is away, full disks, too little memory, a power cut; not part of npm test
  npm run test:clean            the README's two commands on a machine with nothing but Node.js, npm and git, with and without Pulumi; some 50 minutes each; not part of npm test
  npm run test:full             npm test, the rest of test:compose and test:data, test:faults and test:clean

Example: npm run test:docker -- --no-install`;

/** What of these suites is part of npm test. */
const coreOfPulumi = ["dev", "engine"].map((name) => `${name}.test.ts`);
/** With its own plugins; the tests' own take too long, a process of Node.js each at every command. */
const coreOfWholePulumi = [...coreOfPulumi, "prod.test.ts"];
const coreOfCompose = ["test/docker-compose/config.test.ts", "test/docker-compose/dev.test.ts", "test/docker-compose/prod.test.ts"];
const coreOfData = ["test/data/restore.test.ts", "test/data/upgrade.test.ts"];
/** Files whose containers publish no port, or ports of their own, so that they can run while another suite does. */
const besideOthers = {
  docker: ["background", "check-release", "nginx-config", "nginx-parse", "start-nginx"].map((name) => `test/docker/${name}.test.ts`),
  edge: ["test/edge/grade.test.ts"],
};

const suites = ["unit", "docker", "compose", "edge", "data", "engines", "e2e", "faults", "clean"];
const words = process.argv.slice(2);
const full = words.includes("full");
if (words.includes("--help")) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
const unknown = words.filter((word) => ![...suites, "full", "--no-install"].includes(word));
if (unknown.length > 0) wrongUse(`${unknown.join(" ")}: unknown; allowed: ${suites.join(", ")}, full, --no-install`, usage);
const wanted = suites.filter((suite) => words.includes(suite));
const everything = wanted.length === 0;
const totals = { passed: 0, failed: 0, skipped: 0 };
const skipReasons = [];
const remarks = [];
const failures = [];
const durations = [];
const noResults = { numPassedTests: 0, numPendingTests: 0, testResults: [] };

try {
  const environment = setUpNode();
  if (everything) {
    const begin = performance.now();
    for (const { name, ended } of startStaticChecks(environment)) check(name, await ended);
    took("checks", begin);
  }
  if (everything || wanted.includes("unit")) await suite("unit", environment);
  const selected = (name) => (everything && (full || !["faults", "clean"].includes(name))) || wanted.includes(name);
  if (suites.some((name) => name !== "unit" && selected(name))) {
    const install = !words.includes("--no-install");
    const docker = attempt(() => setUpDocker({ install }));
    const browser = attempt(() => ensureChromium({ install }));
    if (browser.failure !== undefined) skipReasons.push(`what needs a browser, ${browser.failure}`);
    environment.DJANGO_STACK_TEST_CHROMIUM = browser.result ?? "";
    const certutil = attempt(() => ensureCertutil({ install }));
    if (certutil.failure !== undefined) skipReasons.push(`whether a browser trusts what trust-ca tells it to, ${certutil.failure}`);
    environment.DJANGO_STACK_TEST_CERTUTIL = certutil.result ?? "";
    const python = attempt(() => ensurePython({ install }));
    if (python.failure !== undefined) skipReasons.push(`nginx's configuration through gixy and crossplane, ${python.failure}`);
    environment.DJANGO_STACK_TEST_PYTHON = python.result ?? "";
    const core = everything && !full;
    const pulumi = docker.failure === undefined && selected("e2e") ? attempt(() => setUpTestPulumi(environment)) : docker;
    const inPulumi = pulumi.result?.ownPlugins === undefined ? coreOfWholePulumi : coreOfPulumi;
    // What the tests through Pulumi repeat, where these run.
    const repeated = core && pulumi.failure === undefined ? inPulumi : [];
    if (selected("docker")) await suite("docker", environment, docker.failure, filesAlone("docker", repeated));
    const compose =
      docker.failure === undefined && (selected("compose") || selected("e2e"))
        ? attempt(() => ensureCompose({ install, print: (text) => step("Compose", text) }))
        : docker;
    const older =
      docker.failure === undefined && (selected("data") || selected("e2e") || (selected("compose") && !core))
        ? attempt(() => upgradeSource(docker.result))
        : docker;
    if (older.failure === undefined && older !== docker) {
      const { from, refused } = older.result;
      const refusals = refused.map(({ major, reason }) => `this machine's image of 18 doesn't take the database of ${major}: ${reason}`).join("; ");
      if (from === undefined) skipReasons.push(`upgrades of Postgres that succeed, ${refusals}`);
      else if (refused.length > 0) remarks.push(`upgrades of Postgres from ${from}, for ${refusals}`);
      environment.DJANGO_STACK_TEST_OLDER_POSTGRES = from ?? "";
      environment.DJANGO_STACK_TEST_REFUSED_POSTGRES = refused[0]?.major ?? "";
    }
    // Side by side, for each waits more than it works, and none has what another needs.
    await Promise.all([
      selected("docker") && suiteBeside("docker", environment, docker.failure),
      selected("compose") && suite("compose", environment, compose.failure, core ? coreOfCompose : []),
      selected("engines") && onSecondEngines(environment, docker.failure),
    ]);
    if (selected("edge")) {
      if (docker.failure === undefined && !hasAcmeModule())
        skipReasons.push(
          "certificates from an ACME directory, this machine's nginx:1.30 image lacks NGINX's ACME module, which the official one has",
        );
      await suite("edge", environment, docker.failure, filesAlone("edge"));
    }
    await Promise.all([
      selected("edge") && suiteBeside("edge", environment, docker.failure),
      selected("data") && suite("data", environment, older.failure, core ? coreOfData : []),
    ]);
    if (selected("faults")) {
      await suite("faults", environment, docker.failure);
      await onSecondEngine("power cut's", runPowerCut, environment, docker.failure);
    }
    if (selected("e2e")) await throughPulumi(pulumi, { environment, files: core ? inPulumi : undefined, older, compose });
    if (selected("clean")) {
      const given = docker.failure === undefined ? attempt(() => setUpPulumi(environment)) : docker;
      if (given.failure !== undefined) skipReasons.push(`a clean machine that has Pulumi, ${given.failure}`);
      await suite("clean", { ...environment, DJANGO_STACK_TEST_PULUMI: given.result?.command }, docker.failure);
    }
  }
} catch (error) {
  fail(error);
}

process.stdout.write(`minutes: ${durations.join(", ")}; with the set-up ${minutesSince(0)}\n`);
for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
for (const remark of remarks) process.stdout.write(`tested: ${remark}\n`);
for (const reason of skipReasons) process.stdout.write(`skipped: ${reason}\n`);
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

/** Runs the tests through Pulumi, of all its files or of those that are named, and skips those that need what this machine hasn't. */
async function throughPulumi(pulumi, { environment, files, older, compose }) {
  const { variables, ownPlugins } = pulumi.result ?? {};
  if (ownPlugins !== undefined) remarks.push(`through Pulumi's engine with the tests' own plugins, for its providers can't be had: ${ownPlugins}`);
  const needsOf = { "compose.test.ts": compose.failure, "data.test.ts": older.failure };
  const needs = (files ?? readdirSync(join(root, "test/e2e"))).map((file) => ({
    file: `test/e2e/${file}`,
    failure: pulumi.failure ?? needsOf[file],
  }));
  for (const reason of new Set(needs.map(({ failure }) => failure))) {
    const same = needs.filter(({ failure }) => failure === reason);
    await suite(
      "e2e",
      { ...environment, ...variables },
      reason,
      same.map(({ file }) => file),
    );
  }
}

function attempt(work) {
  try {
    return { result: work() };
  } catch (error) {
    if (error?.name !== "Failure") throw error;
    process.stderr.write(`${error.message}\n`);
    return { failure: error.message.split("\n")[0] };
  }
}

function check(name, { code, output }) {
  process.stderr.write(`\n${name}\n${output}`);
  totals[code === 0 ? "passed" : "failed"]++;
  if (code !== 0) failures.push(`${name}, see its output above`);
}

function hasAcmeModule() {
  const module = "/usr/lib/nginx/modules/ngx_http_acme_module.so";
  return spawnSync("docker", ["run", "--rm", "--network", "none", "nginx:1.30", "test", "-e", module]).status === 0;
}

/** Returns a suite's files but those that run beside others, and but those of some names. */
function filesAlone(name, without = []) {
  const files = readdirSync(join(root, "test", name)).filter((file) => !without.includes(file));
  return files.map((file) => `test/${name}/${file}`).filter((file) => !besideOthers[name].includes(file));
}

/** Runs a suite's files that can run while another suite does, and prints what they did at their end. */
function suiteBeside(name, environment, reason) {
  return suite(name, environment, reason, besideOthers[name], { beside: true });
}

/** Runs a suite, or those of its files that are named; with a reason not to, lists its tests and counts them as skipped. */
async function suite(name, environment, reason, files = [], { beside = false } = {}) {
  if (!beside) process.stderr.write(`\n${name} tests\n`);
  const vitest = join(root, "node_modules", ".bin", "vitest");
  if (reason !== undefined) {
    const { stdout } = spawnSync(vitest, ["list", ...files, "--project", name, "--no-static-parse", "--json"], {
      cwd: root,
      env: environment,
      encoding: "utf8",
    });
    skip(JSON.parse(stdout.slice(stdout.indexOf("["))).length, name, reason);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "django-stack-test-"));
  const args = ["run", ...files, "--project", name, "--reporter=default", "--reporter=json", `--outputFile.json=${join(folder, "report.json")}`];
  const begin = performance.now();
  const child = spawn(vitest, args, { cwd: root, env: environment, stdio: beside ? ["ignore", "pipe", "pipe"] : "inherit" });
  let output = "";
  for (const stream of beside ? [child.stdout, child.stderr] : []) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [code] = await once(child, "close");
  if (beside) process.stderr.write(`\n${name} tests, beside others\n${output}`);
  took(beside ? `${name} beside others` : name, begin);
  count(name, folder, code);
}

/** Runs the tests on the second engine, then those that have it for a server. */
async function onSecondEngines(environment, reason) {
  await onSecondEngine("second engine's", runOnSecondEngine, environment, reason);
  await onSecondEngine("server's", runOverSsh, environment, reason);
}

/** Runs tests that need a second engine, and prints what they did at their end; `name` is whose tests they are. */
async function onSecondEngine(name, work, environment, reason) {
  if (reason !== undefined) return skip(1, name, reason);
  const folder = mkdtempSync(join(tmpdir(), "django-stack-test-"));
  const begin = performance.now();
  try {
    const { code, output } = await work(environment, folder);
    process.stderr.write(`\n${name} tests\n${output}`);
    took(name, begin);
    count(name, folder, code, { leftOut: true });
  } catch (error) {
    if (error?.name !== "Failure") throw error;
    process.stderr.write(`\n${name} tests\n${error.message}\n`);
    skip(1, name, error.message.split("\n")[0]);
    rmSync(folder, { recursive: true });
  }
}

function took(name, begin) {
  durations.push(`${name} ${minutesSince(begin)}`);
}

function minutesSince(begin) {
  return ((performance.now() - begin) / 60_000).toFixed(1);
}

function skip(number, name, reason) {
  totals.skipped += number;
  skipReasons.push(`${number} ${name} tests, ${reason}`);
}

/** Adds a report's numbers and the names of what failed; `leftOut` where the tests that weren't selected are no skipped ones. */
function count(name, folder, status, { leftOut = false } = {}) {
  const report = join(folder, "report.json");
  const results = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : noResults;
  rmSync(folder, { recursive: true });
  totals.passed += results.numPassedTests;
  if (!leftOut) totals.skipped += results.numPendingTests + (results.numTodoTests ?? 0);
  const failed = failedTests(root, results);
  // A file that doesn't load, or an error outside a test, fails the run and no test.
  if (failed.length === 0 && status !== 0) failed.push("outside its tests, see its output above");
  totals.failed += failed.length;
  failures.push(...failed.map((text) => `${name}, ${text}`));
}
