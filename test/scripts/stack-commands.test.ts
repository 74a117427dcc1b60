import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const checkoutFile = join(root, ".state", "checkout");
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const plugins = ["docker", "random", "tls"].map((name) => ({ kind: "resource", name, version: dependencies[`@pulumi/${name}`] }));
const outputs = { url: "https://movies.example", adminUrl: "https://movies.example/admin/", apiUrl: "https://movies.example/api/movies/" };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-commands-"));
  mkdirSync(join(folder, "bin"));
  if (!existsSync(checkoutFile)) writeFileSync(checkoutFile, "0123456789ab\n", { mode: 0o600 });
  // Stand in for the two programs: they answer as the real ones do and write down what they were asked.
  program(
    "docker",
    `
    case "$1 $2" in
      "--version "*) echo "Docker version 28.2.2" ;;
      "context inspect") echo unix:///var/run/docker.sock ;;
      "version "*) echo 28.2.2 ;;
      "ps "*) cat ${folder}/containers 2>/dev/null || true ;;
      "rm "*) echo "docker $*" >> ${folder}/calls ;;
      "volume ls") cat ${folder}/volumes 2>/dev/null || true ;;
      "volume inspect") case "$*" in *checkout*) cat "\${OWNER:-${checkoutFile}}" ;; *) grep -qx "$3" ${folder}/volumes ;; esac ;;
      "image ls") case "$*" in *"--filter reference=movies-prod-django --filter reference=movies-prod-backup-image") ;; *) exit 9 ;; esac; printf 'movies-prod-django:current\nmovies-prod-django:0123456789ab\n<none>:<none>\n' ;;
      "image rm"|"image prune") echo "docker $*" >> ${folder}/calls ;;
      "volume rm") echo "docker $*" >> ${folder}/calls; grep -vx "$3" ${folder}/volumes > ${folder}/rest; mv ${folder}/rest ${folder}/volumes ;;
    esac`,
  );
  program(
    "pulumi",
    `
    echo "pulumi $*" >> ${folder}/calls
    case "$1 $2" in
      "version "*) echo v3.300.0 ;;
      "plugin ls") echo '${JSON.stringify(plugins)}' ;;
      "stack export") echo '{"deployment":{"resources":[]}}' ;;
      "stack output") if [ -n "$WRONG" ]; then echo 'error: failed to decrypt: incorrect passphrase, please set it' >&2; exit 255; fi; echo '${JSON.stringify(outputs)}' ;;
      "config "*) echo '{"django-stack:name":{"value":"movies"}}' ;;
      "preview "*) if [ -n "$PREVIEW" ]; then printf '%s' "$PREVIEW"; exit 255; fi; printf '%s' '{"diagnostics":[{"severity":"warning","message":"warning: it ends soon\\n"}],"steps":[{"op":"replace","urn":"urn:pulumi:prod::django-stack::x$docker:index/container:Container::movies-prod-nginx"}]}' ;;
      "up "*|"destroy "*) exit \${PULUMI_FAILS:-0} ;;
    esac`,
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, script: string): void {
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "bin", name), 0o755);
}

function command(name: string, args: string[], environment: Record<string, string> = {}) {
  const path = [join(folder, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
  const env = { PATH: path, HOME: folder, PULUMI_CONFIG_PASSPHRASE: "", ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts", `${name}.mjs`), ...args], {
    cwd: root,
    env,
    encoding: "utf8",
    input: "",
  });
  const calls = existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8").trim().split("\n") : [];
  return { status, stdout, stderr, calls: calls.filter((call) => !/^pulumi (version|plugin ls)/.test(call)) };
}

describe("npm run up", () => {
  test("brings the stack up without a question where there is no terminal, and prints the URLs", () => {
    const { status, stdout, stderr, calls } = command("up", ["prod"]);
    expect([status, stderr.split("\n").map((line) => line.split("  ")[0])]).toEqual([
      0,
      ["npm packages", "Node.js", "Docker", "base images", "Pulumi", "plugins", ""],
    ]);
    expect(calls).toEqual([
      "pulumi stack select prod --create --non-interactive",
      "pulumi stack export --stack prod",
      "pulumi up --stack prod --yes --skip-preview",
      "pulumi stack output --stack prod --json",
    ]);
    expect(stdout).toBe(`
site       https://movies.example
admin      https://movies.example/admin/
API        https://movies.example/api/movies/
`);
  });

  test("removes what an interrupted one made and couldn't record, but where others may be at work on the same state", () => {
    writeFileSync(join(folder, "containers"), "c1 movies-prod-django-0-aaaaaaa\n");
    const own = command("up", ["prod"]);
    expect(own.calls).toContain("docker rm --force --volumes c1");
    expect(own.stderr).toContain("interrupted    removed what an interrupted command made and couldn't record: movies-prod-django-0-aaaaaaa\n");
    const shared = command("up", ["prod"], { PULUMI_BACKEND_URL: "s3://state" });
    expect(shared.calls.filter((call) => call === "docker rm --force --volumes c1")).toHaveLength(1);
    expect(shared.stderr).toContain(
      "interrupted    no state knows movies-prod-django-0-aaaaaaa: another machine may be making them; where none is, docker rm --force them\n",
    );
  });

  test("ends with 1 and prints no URLs when pulumi fails", () => {
    const { status, stdout, stderr } = command("up", ["dev"], { PULUMI_FAILS: "255" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/\nplugins .*\n$/);
  });

  test("says what to do where it failed by a wrong passphrase, which Pulumi doesn't", () => {
    const { status, stderr } = command("up", ["dev"], { PULUMI_FAILS: "255", WRONG: "yes" });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /\n\npassphrase: the secrets of stack dev were encrypted with another one than that in PULUMI_CONFIG_PASSPHRASE\n {2}fix: put your copy .*\n$/,
    );
  });
});

describe("npm run preview", () => {
  test("touches nothing, passes warnings on and says what the change means", () => {
    const { status, stdout, stderr, calls } = command("preview", ["prod"]);
    expect(status).toBe(0);
    expect(calls).toEqual(["pulumi stack select prod --create --non-interactive", "pulumi preview --stack prod --json --non-interactive"]);
    expect(stderr).toContain("\nwarning        it ends soon\n");
    expect(stdout).toBe(`
replace            Container          movies-prod-nginx

- replaces nginx: connections are refused for up to 3 seconds
`);
  });

  test("ends with 1 and the program's own words where it fails", () => {
    const told = { diagnostics: [{ severity: "error", message: "error: config of stack prod has 1 problem:\n  app.replicas: got 0\n" }] };
    const { status, stdout, stderr } = command("preview", ["prod"], { PREVIEW: JSON.stringify(told) });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/\n\nconfig of stack prod has 1 problem:\n {2}app\.replicas: got 0\n$/);
  });

  test("shows what Pulumi printed where that isn't in its own form, and what to do about a wrong passphrase", () => {
    const { status, stderr } = command("preview", ["prod"], { PREVIEW: "error: passphrase must be set" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/\n\nerror: passphrase must be set\n$/);
    expect(command("preview", ["prod"], { PREVIEW: "error: get stack secrets manager: incorrect passphrase" }).stderr).toMatch(
      /\n\npassphrase: the secrets of stack prod were encrypted with another one than that in PULUMI_CONFIG_PASSPHRASE\n {2}fix: .*\n$/,
    );
  });
});

describe("npm run pulumi", () => {
  test("passes its words on, and makes a stack that is configured before its first up", () => {
    expect(command("pulumi", ["stack", "output", "url", "--stack", "prod"]).calls).toEqual(["pulumi stack output url --stack prod"]);
    for (const flag of [["--stack", "prod"], ["--stack=prod"], ["-s", "prod"]]) {
      rmSync(join(folder, "calls"));
      const { status, calls } = command("pulumi", ["config", "set", "docker:host", "ssh://root@example.com", ...flag]);
      expect(status).toBe(0);
      expect(calls).toEqual([
        "pulumi stack select prod --create --non-interactive",
        `pulumi config set docker:host ssh://root@example.com ${flag.join(" ")}`,
      ]);
    }
  });

  test("makes no stack that has no file", () => {
    expect(command("pulumi", ["config", "--stack", "prdo"]).calls).toEqual(["pulumi config --stack prdo"]);
  });
});

describe("npm run destroy", () => {
  const data = ["movies-prod-acme-state", "movies-prod-media-data", "movies-prod-owner", "movies-prod-postgres-18-data"];
  beforeEach(() => writeFileSync(join(folder, "volumes"), [...data, "movies-prod-eu-media-data", "other"].join("\n") + "\n"));
  const removals = (calls: string[]) => calls.filter((call) => !/^pulumi (stack|config)/.test(call));

  test("leaves protected data and says what stays, and how to remove it", () => {
    const { status, stdout, calls } = command("destroy", ["prod", "--yes"]);
    expect(status).toBe(0);
    expect(removals(calls)).toEqual(["pulumi destroy --stack prod --exclude-protected --yes --skip-preview"]);
    expect(stdout).toBe(`
Kept, for the next \`npm run up -- prod\`:
  movies-prod-acme-state
  movies-prod-media-data
  movies-prod-owner
  movies-prod-postgres-18-data
To remove them too: npm run destroy -- prod --with-data
`);
  });

  test("wants the stack's name before it removes data, and touches nothing without it", () => {
    for (const wrong of [[], ["--confirm=prdo"]]) {
      const { status, stderr, stdout, calls } = command("destroy", ["prod", "--yes", "--with-data", ...wrong]);
      expect(status).toBe(1);
      expect(stdout).toContain(
        "This removes for good:\n  movies-prod-acme-state\n  movies-prod-media-data\n  movies-prod-owner\n  movies-prod-postgres-18-data\n",
      );
      expect(stderr).toMatch(/destroy: got "(prdo)?" in place of the stack's name; nothing was touched\n {2}fix: type prod, or give --confirm=prod/);
      expect(removals(calls)).toEqual([]);
    }
  });

  test("removes the data of this stack, and of no other, once the name was given", () => {
    const { status, stdout, calls } = command("destroy", ["prod", "--yes", "--with-data", "--confirm=prod"]);
    expect(status).toBe(0);
    expect(removals(calls)).toEqual([
      "pulumi state unprotect --all --yes --stack prod",
      "pulumi destroy --stack prod --yes --skip-preview",
      ...data.map((name) => `docker volume rm ${name}`),
      "docker image rm movies-prod-django:current movies-prod-django:0123456789ab",
      "docker image prune --force --filter label=django-stack.name=movies --filter label=django-stack.stack=prod",
    ]);
    expect(stdout).toContain("Nothing of stack prod is left.");
    expect(readFileSync(join(folder, "volumes"), "utf8")).toBe("movies-prod-eu-media-data\nother\n");
  });

  test("refuses another checkout's data", () => {
    writeFileSync(join(folder, "theirs"), "ffffffffffff\n");
    const { status, stderr, calls } = command("destroy", ["prod", "--yes", "--with-data", "--confirm=prod"], { OWNER: join(folder, "theirs") });
    expect(status).toBe(1);
    expect(stderr).toContain("belong to another checkout (ffffffffffff)");
    expect(removals(calls)).toEqual([]);
  });

  test("says the way back to its own data, where the volume that says whose it is was pruned", () => {
    writeFileSync(join(folder, "nobody"), "");
    const { status, stderr, calls } = command("destroy", ["prod", "--yes"], { OWNER: join(folder, "nobody") });
    expect(status).toBe(1);
    expect(stderr).toMatch(/nothing says whose movies-prod-acme-state, .* are\n {2}fix: npm run up -- prod, which says so again or names the way to/);
    expect(removals(calls)).toEqual([]);
  });
});
