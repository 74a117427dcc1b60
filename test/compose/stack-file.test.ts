import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readStackFile } from "../../compose/stack-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-stack-file-"));
  write("Pulumi.yaml", "name: django-stack\nruntime: nodejs\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string, mode = 0o600): void {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
}

const read = () => readStackFile({ folder, stack: "prod", secretsPath: join(folder, "secrets.yaml") });
const heading = "config of stack prod can't be read without Pulumi; nothing was touched:\n  ";

test("hands values over as Pulumi does: text, objects and lists as JSON", () => {
  write(
    "Pulumi.prod.yaml",
    `
encryptionsalt: v1:abc
config:
  docker:host: unix:///run/docker.sock
  django-stack:environment: prod
  django-stack:httpPort: 8080
  django-stack:protectData: true
  django-stack:aliases: [www.example.com]
  django-stack:app:
    replicas: 3
`,
  );
  expect(read()).toEqual({
    project: "django-stack",
    config: {
      "docker:host": "unix:///run/docker.sock",
      "django-stack:environment": "prod",
      "django-stack:httpPort": "8080",
      "django-stack:protectData": "true",
      "django-stack:aliases": '["www.example.com"]',
      "django-stack:app": '{"replicas":3}',
    },
    secretKeys: [],
  });
});

test("takes a key without a namespace for the project's own, as Pulumi does", () => {
  write("Pulumi.prod.yaml", "config:\n  domain: shop.example\n  secretEnv:\n    TOKEN: { secure: v1:x }\n");
  write("secrets.yaml", "secretEnv: { TOKEN: abc }\n");
  const config = { "django-stack:domain": "shop.example", "django-stack:secretEnv": '{"TOKEN":"abc"}' };
  expect(read()).toEqual({ project: "django-stack", config, secretKeys: ["django-stack:secretEnv"] });
});

test("a stack's file may be empty", () => {
  write("Pulumi.prod.yaml", "");
  expect(read().config).toEqual({});
});

describe("encrypted values", () => {
  const encrypted = `
config:
  django-stack:secretEnv:
    EMAIL_PASSWORD:
      secure: v1:aaaa
    EMAIL_USER: mail
  django-stack:backup:
    passphrase:
      secure: v1:bbbb
`;

  test("are refused by name, with the way to give them", () => {
    write("Pulumi.prod.yaml", encrypted);
    expect(read).toThrow(
      new Error(
        `${heading}Pulumi.prod.yaml: django-stack:secretEnv.EMAIL_PASSWORD, django-stack:backup.passphrase: encrypted, and only Pulumi's command line opens it; fix: write django-stack:secretEnv: …, django-stack:backup: … in the same form, not encrypted, to secrets.yaml and chmod 600 it`,
      ),
    );
  });

  test("come from the secrets file, over the stack's own", () => {
    write("Pulumi.prod.yaml", encrypted);
    write("secrets.yaml", "django-stack:secretEnv: { EMAIL_PASSWORD: one }\ndjango-stack:backup: { passphrase: two }\n");
    expect(read()).toMatchObject({
      config: { "django-stack:secretEnv": '{"EMAIL_PASSWORD":"one","EMAIL_USER":"mail"}', "django-stack:backup": '{"passphrase":"two"}' },
      secretKeys: ["django-stack:secretEnv", "django-stack:backup"],
    });
  });

  test("only those that are still missing are named", () => {
    write("Pulumi.prod.yaml", encrypted);
    write("secrets.yaml", "django-stack:backup: { passphrase: two }\n");
    expect(read).toThrow(/: django-stack:secretEnv\.EMAIL_PASSWORD: encrypted/);
  });

  test("that others may read are refused", () => {
    write("Pulumi.prod.yaml", encrypted);
    write("secrets.yaml", "django-stack:backup: { passphrase: two }\n", 0o644);
    expect(read).toThrow(new Error("secrets.yaml: others may read it (mode 644); nothing was touched; fix: chmod 600 secrets.yaml"));
  });
});

test("what only Pulumi can look up is refused rather than left out", () => {
  write("Pulumi.yaml", "name: django-stack\nconfig:\n  django-stack:domain: example.com\n");
  write("Pulumi.prod.yaml", "environment: [movies/prod]\n");
  expect(read).toThrow(
    new Error(
      `${heading}Pulumi.yaml: its config isn't read here; fix: move it to the stack's file\n  Pulumi.prod.yaml: environment names Pulumi ESC environments, which can't be read here; fix: give their values in secrets.yaml`,
    ),
  );
});

test("a file that isn't YAML is named", () => {
  write("Pulumi.prod.yaml", "config: [\n");
  expect(read).toThrow(/^Pulumi\.prod\.yaml can't be read: /);
});
