import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-arguments-"));
  cpSync(join(import.meta.dirname, "../../scripts"), join(folder, "scripts"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the engine that a stack's commands ask", () => {
  /** Returns DOCKER_HOST after useHostOf("prod"), or the error. */
  function hostWith({ prod, project = "name: django-stack\n", environment = {} }: { prod: string; project?: string; environment?: object }): string {
    writeFileSync(join(folder, "Pulumi.yaml"), project);
    writeFileSync(join(folder, "Pulumi.prod.yaml"), prod);
    writeFileSync(join(folder, "Pulumi.dev.yaml"), "config:\n  docker:host: ssh://root@another\n");
    const script = `import { useHostOf } from ${JSON.stringify(join(folder, "scripts/setup/stack-config.mjs"))};
      try { useHostOf("prod"); console.log(process.env.DOCKER_HOST ?? "docker's own choice"); } catch (error) { console.log(error.message); }`;
    const env = { PATH: process.env.PATH, ...environment };
    return spawnSync(process.execPath, ["--input-type=module", "--eval", script], { env, encoding: "utf8" }).stdout.trim();
  }

  test.each([
    ["plain", "  docker:host: ssh://root@server"],
    ["quoted", '  docker:host: "ssh://root@server"'],
    ["with a comment", "  docker:host: ssh://root@server # in the cellar"],
    ["its key quoted", "  'docker:host': 'ssh://root@server'"],
    ["below an object", "    django-stack:app:\n      env: { A: b }\n    docker:host: ssh://root@server"],
    ["among others", "  django-stack:name: movies\n  docker:host: ssh://root@server\n  django-stack:domain: movies.example"],
  ])("the one in the stack's file, %s, before DOCKER_HOST", (_, line) => {
    expect(hostWith({ prod: `config:\n${line}\n`, environment: { DOCKER_HOST: "unix:///elsewhere.sock" } })).toBe("ssh://root@server");
  });

  test.each(["  docker:host: ssh://root@server", "  docker:host:\n    value: ssh://root@server"])(
    "the project's where the stack's file has none",
    (lines) => {
      const project = `name: django-stack\nconfig:\n${lines}\n`;
      expect(hostWith({ prod: "config:\n  django-stack:name: movies\n", project })).toBe("ssh://root@server");
      expect(hostWith({ prod: "config:\n  docker:host: ssh://root@own\n", project })).toBe("ssh://root@own");
    },
  );

  test("DOCKER_HOST, and else docker's own choice, where neither says any", () => {
    const prod = "config:\n  django-stack:name: movies\n  # docker:host: ssh://root@server\n";
    expect(hostWith({ prod, environment: { DOCKER_HOST: "unix:///elsewhere.sock" } })).toBe("unix:///elsewhere.sock");
    expect(hostWith({ prod })).toBe("docker's own choice");
  });

  test("an encrypted one is refused: nothing but Pulumi could read it", () => {
    expect(hostWith({ prod: "config:\n  docker:host:\n    secure: v1:abc:def\n" })).toBe(
      "docker:host: it is encrypted in Pulumi.prod.yaml, and is read without Pulumi too\n  fix: npm run pulumi -- config set --plaintext docker:host VALUE --stack prod",
    );
  });

  test("npm run restore takes no backup of a stack on another engine", () => {
    hostWith({ prod: "config:\n  django-stack:name: movies\n" });
    const { status, stderr } = spawnSync(process.execPath, [join(folder, "scripts/restore.mjs"), "prod", "latest", "--from=dev", "--yes"], {
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toContain(
      "restore: stack dev is on another Docker engine (ssh://root@another) than prod (the default one)\n  fix: make the dump there, with pg_dump --format=custom, and give it as --dump\n",
    );
  });
});

describe("whatever way Pulumi takes them", () => {
  /** Returns what the scripts know of stack prod. */
  function known({ project = "name: django-stack\n", prod }: { project?: string; prod: string }): object {
    writeFileSync(join(folder, "Pulumi.yaml"), project);
    writeFileSync(join(folder, "Pulumi.prod.yaml"), prod);
    const script = `import { isDevelopment, nameOf, projectName } from ${JSON.stringify(join(folder, "scripts/setup/stack-config.mjs"))};
      console.log(JSON.stringify({ project: projectName(), name: nameOf("prod"), development: isDevelopment("prod") }));`;
    return JSON.parse(spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" }).stdout);
  }

  test.each([
    ["with the project's name", "config:\n  django-stack:name: movies\n  django-stack:environment: dev\n"],
    ["without", "config:\n  name: movies\n  environment: dev\n"],
    [
      "quoted, with comments",
      'encryptionsalt: v1:x\nconfig: # ours\n  # first\n  name: \'movies\' # second\n\n  "django-stack:environment": "dev"\n',
    ],
  ])("keys %s", (_, prod) => {
    expect(known({ prod })).toEqual({ project: "django-stack", name: "movies", development: true });
  });

  test("keys inside objects, of other namespaces and after the config aren't these", () => {
    const prod = "config:\n  app:\n    name: other\n    environment: dev\n  azure:environment: dev\nother:\n  name: other\n";
    expect(known({ prod })).toEqual({ project: "django-stack", name: "django-stack", development: false });
  });

  test("a project of another name, with config of its own", () => {
    const project = "name: shop # ours\nconfig:\n  environment:\n    value: dev\n";
    expect(known({ project, prod: "config:\n  shop:domain: shop.example\n" })).toEqual({ project: "shop", name: "shop", development: true });
  });
});

test("whose a stack's objects are: what its file says, else the checkout's own id, else nobody's yet", () => {
  const script = `import { checkoutOf } from ${JSON.stringify(join(folder, "scripts/setup/stack-config.mjs"))}; console.log(checkoutOf("prod"));`;
  const ask = () => spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" }).stdout.trim();
  writeFileSync(join(folder, "Pulumi.yaml"), "name: django-stack\n");
  writeFileSync(join(folder, "Pulumi.prod.yaml"), "config:\n  django-stack:name: movies\n");
  expect(ask()).toBe("undefined");
  mkdirSync(join(folder, ".state"));
  writeFileSync(join(folder, ".state/checkout"), "aaaaaaaaaaaa\n");
  expect(ask()).toBe("aaaaaaaaaaaa");
  writeFileSync(join(folder, "Pulumi.prod.yaml"), 'config:\n  django-stack:checkout: "123456789012"\n');
  expect(ask()).toBe("123456789012");
});
