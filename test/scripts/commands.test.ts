import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const command = (name: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(root, "scripts", `${name}.mjs`), ...args], { cwd: root, encoding: "utf8" });

describe.each(["up", "preview", "destroy"])("npm run %s", (name) => {
  test("--help shows an example and ends with 0", () => {
    const { status, stdout } = command(name, "--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`npm run ${name} -- [^]*Example: npm run ${name} -- \\w+`));
  });

  test("refuses a stack without a file, naming those that there are, with 2", () => {
    const { status, stderr } = command(name, "prdo");
    expect(status).toBe(2);
    expect(stderr).toContain("prdo: there is no Pulumi.prdo.yaml; allowed: dev, prod; fix: copy one of their files to that name");
  });

  test("refuses a flag that it doesn't know, with 2", () => {
    const { status, stderr } = command(name, "dev", "--force");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^--force: unknown; allowed: --/);
  });

  test("refuses two stacks, with 2", () => {
    expect(command(name, "dev", "prod").stderr).toContain("dev prod: got 2 stacks; allowed: one");
  });
});

test("npm run check takes no words but --help, by which it checks nothing", () => {
  const { status, stdout } = command("check", "--help");
  expect([status, stdout]).toEqual([0, expect.stringMatching(/Example: npm run check\n$/)]);
  expect([command("check", "unit").status, command("check", "unit").stderr.split("\n")[0]]).toEqual([2, "unit: unknown; it takes no words"]);
});

test("npm run destroy wants a stack, and a --yes where there is no terminal", () => {
  expect(command("destroy").stderr).toContain("name a stack; allowed: dev, prod");
  const { status, stderr } = command("destroy", "dev");
  expect([status, stderr.split("\n")[0]]).toEqual([2, "no terminal to ask at; fix: add --yes"]);
});
