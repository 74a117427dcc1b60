import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { copyCheckout } from "../support/checkout-copy.ts";

const packages = join(import.meta.dirname, "../../node_modules");
const checkout = join(tmpdir(), `django-stack-compose-commands-${process.pid}`);
let folder: string;

beforeAll(() => {
  copyCheckout(checkout);
  // The packages without Pulumi's command line, as where its download site can't be reached.
  unlinkSync(join(checkout, "node_modules"));
  mkdirSync(join(checkout, "node_modules", ".bin"), { recursive: true });
  for (const name of readdirSync(packages).filter((entry) => entry !== ".bin"))
    symlinkSync(join(packages, name), join(checkout, "node_modules", name));
  writeProgram(join(checkout, "node_modules", ".bin", "pulumi"), "echo 'pulumi: fetch failed' >&2; exit 1");
});
afterAll(() => rmSync(checkout, { recursive: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-compose-command-"));
  mkdirSync(join(folder, "bin"));
  // Stands in for Docker: answers as an empty engine does, and writes down what it was asked to do.
  writeProgram(
    join(folder, "bin", "docker"),
    `
    case "$1 $2" in
      "--version "*) echo "Docker version 28.2.2" ;;
      "context inspect") echo unix:///var/run/docker.sock ;;
      "version "*) echo 28.2.2 ;;
      "compose version") [ -z "$NO_COMPOSE" ] && echo 2.40.3 ;;
      "compose "*) case "$*" in *--services) exit ;; *" run --rm "*) [ -n "$TRIAL_FAILS" ] || code=0 ;; esac; echo "docker $*" >> ${folder}/calls; exit \${code-\${COMPOSE_FAILS:-0}} ;;
      "volume create") echo "docker $*" >> ${folder}/calls ;;
    esac`,
  );
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(join(checkout, "docker-compose"), { recursive: true, force: true });
});

function writeProgram(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

function command(name: string, words: string[], environment: Record<string, string> = {}) {
  const path = [join(folder, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, "scripts", `${name}.mjs`), ...words], {
    cwd: checkout,
    env: { PATH: path, HOME: folder, ...environment },
    encoding: "utf8",
    input: "",
  });
  const calls = existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8").trim().split("\n") : [];
  return { status, stdout, stderr, calls: calls.map((call) => call.replaceAll(checkout, "")) };
}

const project = "/docker-compose/prod/compose.yaml";

describe("npm run compose", () => {
  test("--help shows examples and ends with 0; no word at all is wrong use", () => {
    expect(command("compose", ["--help"])).toMatchObject({ status: 0, stdout: expect.stringMatching(/Examples: npm run compose -- prod export/) });
    expect(command("compose", [])).toMatchObject({ status: 2, stdout: expect.stringContaining("npm run compose --") });
  });

  test.each([
    [["staging", "up"], "staging: there is no Pulumi.staging.yaml; allowed: dev, prod"],
    [["prod", "fly"], "fly: unknown; allowed: export, up, create,"],
    [["prod"], "no command: unknown; allowed: export, up, create,"],
    [["prod", "export", "--force"], "--force: unknown; allowed: --out DIR"],
    [["prod", "export", "--out"], "--out: unknown; allowed: --out DIR"],
    [["prod", "export", "--out", "a", "b"], "--out a b: unknown; allowed: --out DIR"],
  ])("%j is wrong use", (words, message) => {
    const { status, stderr, calls } = command("compose", words);
    expect([status, stderr, calls]).toEqual([2, expect.stringMatching(new RegExp(`^${message.replaceAll(".", "\\.")}`)), []]);
  });

  test("export writes the project of dev, or the stack named, and has no engine do anything", () => {
    expect(command("compose", ["export"])).toMatchObject({ status: 0, calls: [] });
    expect(command("compose", ["prod", "export"])).toMatchObject({ status: 0, calls: [] });
    for (const stack of ["dev", "prod"])
      expect(readdirSync(join(checkout, "docker-compose", stack)).sort()).toEqual([
        ".gitignore",
        "compose.yaml",
        "files",
        "outputs.json",
        "values.json",
      ]);
  });

  test.each([[["--out"]], [["--out="]]])("export %j writes where it says", ([flag]) => {
    const out = join(folder, "out");
    const { status } = command("compose", ["prod", "export", ...(flag.endsWith("=") ? [flag + out] : [flag, out])]);
    expect([status, existsSync(join(out, "compose.yaml")), existsSync(join(checkout, "docker-compose"))]).toEqual([0, true, false]);
    expect(readFileSync(join(out, "compose.yaml"), "utf8")).toMatch(/context: \.\.\/.*\/django\n/);
  });

  test.each(["files/mine", "compose.yaml", "values.json"])("export leaves a folder alone that has a %s of somebody else's", (name) => {
    const out = join(folder, "out");
    mkdirSync(dirname(join(out, name)), { recursive: true });
    writeFileSync(join(out, name), "mine");
    const { status, stderr } = command("compose", ["prod", "export", "--out", out]);
    expect(status).toBe(1);
    if (name !== "values.json") {
      expect(stderr).toContain(
        `${out}: it isn't empty and holds no Compose project of this stack, and compose.yaml, .gitignore, values.json, secrets.yaml, outputs.json, files would be replaced; nothing was written; fix: name another folder`,
      );
    }
    expect([readFileSync(join(out, name), "utf8"), readdirSync(out)]).toEqual(["mine", [name.split("/")[0]]]);
  });

  test("export goes on in a folder that an export which was ended early left, with the same passwords", () => {
    const out = join(folder, "out");
    command("compose", ["prod", "export", "--out", out]);
    const values = readFileSync(join(out, "values.json"), "utf8");
    for (const name of ["compose.yaml", "outputs.json"]) rmSync(join(out, name));
    expect(command("compose", ["prod", "export", "--out", out]).status).toBe(0);
    expect([readFileSync(join(out, "values.json"), "utf8"), existsSync(join(out, "compose.yaml"))]).toEqual([values, true]);
  });

  test("up writes it, makes the data's volumes and hands the words over", () => {
    const { status, calls } = command("compose", ["prod", "up", "--detach"], { COMPOSE_FAILS: "3" });
    expect(status).toBe(3);
    expect(calls.slice(-2)).toEqual([
      `docker compose --file ${project} run --rm --no-deps --no-TTY postgres-trial`,
      `docker compose --file ${project} up --detach`,
    ]);
    expect(calls.slice(0, -2)).toEqual([
      expect.stringMatching(
        /^docker volume create --label django-stack\.name=django-stack .*--label django-stack\.component=volumes django-stack-prod-owner$/,
      ),
      ...["static-data", "media-data", "postgres-18-data", "backups", "cache", "acme-state", "temporary"].map(
        (role) => `docker volume create django-stack-prod-${role}`,
      ),
    ]);
  });

  test("up --dry-run touches no volume", () => {
    expect(command("compose", ["prod", "up", "--dry-run"]).calls).toEqual([`docker compose --file ${project} up --dry-run`]);
  });

  test("config writes it and touches no volume; down and logs take what is there", () => {
    expect(command("compose", ["prod", "config"]).calls).toEqual([`docker compose --file ${project} config`]);
    expect(command("compose", ["prod", "down", "--volumes"]).calls.at(-1)).toBe(`docker compose --file ${project} down --volumes`);
  });

  test("says what to do where nothing was written yet", () => {
    const { status, stderr, calls } = command("compose", ["prod", "logs"]);
    expect([status, stderr, calls]).toEqual([
      1,
      "\nCompose: there is no docker-compose/prod/compose.yaml\n  fix: npm run compose -- prod export, or npm run up -- prod --compose\n",
      [],
    ]);
  });

  test("says where Compose is to be had", () => {
    const { status, stderr } = command("compose", ["prod", "down"], { NO_COMPOSE: "1" });
    expect([status, stderr]).toEqual([1, "\nCompose: docker compose isn't there\n  fix: install it: https://docs.docker.com/compose/install/\n"]);
  });

  test("an encrypted value ends it before anything is written", () => {
    const path = join(checkout, "Pulumi.prod.yaml");
    const before = readFileSync(path, "utf8");
    try {
      writeFileSync(path, `${before}  django-stack:secretEnv:\n    MAIL:\n      secure: v1:abc\n`);
      const { status, stderr } = command("compose", ["prod", "export"]);
      expect(status).toBe(1);
      expect(stderr).toContain(
        "Pulumi.prod.yaml: django-stack:secretEnv.MAIL: encrypted, and only Pulumi's command line opens it; fix: write django-stack:secretEnv: …",
      );
      expect(stderr).toContain("to docker-compose/prod/secrets.yaml and chmod 600 it");
      expect(existsSync(join(checkout, "docker-compose"))).toBe(false);
    } finally {
      writeFileSync(path, before);
    }
  });
});

describe("npm run up", () => {
  test("--compose writes the project, brings it up and prints the URLs", () => {
    const { status, stdout, calls } = command("up", ["prod", "--compose", "--yes"]);
    expect([status, calls.at(-1)]).toEqual([0, `docker compose --file ${project} up --detach --wait --remove-orphans`]);
    expect(stdout).toBe(`
site       https://django-stack.localhost
admin      https://django-stack.localhost/admin/
API        https://django-stack.localhost/api/movies/
`);
  });

  test("--compose ends with 1 and no URLs where Compose fails", () => {
    const { status, stdout, stderr } = command("up", ["prod", "--compose", "--yes"], { COMPOSE_FAILS: "17" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(
      "\nCompose: docker compose ended with exit code 17\n  fix: mend what the lines above say, then the same command again\n",
    );
  });

  test("--compose replaces nothing where Postgres wouldn't start", () => {
    const { status, stderr, calls } = command("up", ["prod", "--compose", "--yes"], { COMPOSE_FAILS: "1", TRIAL_FAILS: "yes" });
    expect(status).toBe(1);
    expect(stderr).toContain(
      "\nCompose: postgres-trial failed, and what ran before goes on\n  fix: mend what its last lines say, then the same command again\n",
    );
    expect(calls.filter((call) => call.includes(" up "))).toEqual([]);
  });

  test("without a Pulumi to be had, ends with how to go without", () => {
    const { status, stderr } = command("up", ["dev"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /\nPulumi: none is on PATH[^]*\n {2}fix: install it: https:\/\/www\.pulumi\.com\/docs\/install\/\n {2}without Pulumi: npm run up -- dev --compose\n$/,
    );
  });
});

describe("without a Pulumi to be had", () => {
  test.each([
    ["preview", "where Compose runs the stack, npm run compose -- dev up --dry-run lists the containers that would change"],
    ["destroy", "where Compose runs the stack, npm run compose -- dev down"],
  ])("npm run %s ends with what to type in its place", (name, hint) => {
    const { status, stderr } = command(name, name === "destroy" ? ["dev", "--yes"] : ["dev"]);
    expect([status, stderr.split("\n").slice(-2)]).toEqual([1, [`  without Pulumi: ${hint}`, ""]]);
  });
});
