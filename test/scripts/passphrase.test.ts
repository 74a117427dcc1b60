import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensurePassphrase, wrongPassphrase } from "../../scripts/setup/passphrase.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-passphrase-"));
  stateAt("file://./.state");
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, ".state", "passphrase");
const stateAt = (url: string) => writeFileSync(join(folder, "Pulumi.yaml"), `name: django-stack\nbackend:\n  url: ${url}\n`);
const stackFile = (stack: string, ...lines: string[]) => writeFileSync(join(folder, `Pulumi.${stack}.yaml`), ["config:", ...lines, ""].join("\n"));
const salt = "encryptionsalt: v1:c2FsdA==:v1:bm9uY2U=:dGV4dA==";
const wayOut =
  '\n  fix: put your copy of it into .state/passphrase, or set PULUMI_CONFIG_PASSPHRASE to it; where there is none any more: docs/data.md, ".state"';

const made = "made .state/passphrase: keep a copy of it and of .state, without them the secrets are lost";

describe("the passphrase", () => {
  test("is made once, for its owner alone", () => {
    stackFile("prod", "  django-stack:environment: prod");
    const first = ensurePassphrase(folder, {}, "prod");
    expect(first).toEqual({ variables: { PULUMI_CONFIG_PASSPHRASE_FILE: file() }, made });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const text = readFileSync(file(), "utf8");
    expect(text.trim().length).toBe(32);
    stackFile("prod", "  django-stack:environment: prod", salt);
    expect(ensurePassphrase(folder, {}, "prod")).toEqual({ ...first, made: undefined });
    expect(readFileSync(file(), "utf8")).toBe(text);
  });

  test.each([{ PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/x" }])("is the user's where one is set: %o", (environment) => {
    stackFile("prod", salt);
    expect(ensurePassphrase(folder, environment, "prod")).toEqual({ variables: {}, made: undefined });
    expect(existsSync(file())).toBe(false);
  });

  const secret = ["  django-stack:backup:", "    passphrase:", "      secure: v1:bm9uY2U=:dGV4dA=="];
  const listed = ["  django-stack:secrets:", "    secretKeyFallbacks:", "      - secure: v1:bm9uY2U=:dGV4dA=="];
  const withState = () => {
    mkdirSync(join(folder, ".state/.pulumi/stacks/django-stack"), { recursive: true });
    writeFileSync(join(folder, ".state/.pulumi/stacks/django-stack/prod.json"), "{}");
  };

  test.each<[string, string[], () => void, Record<string, string>]>([
    ["its file has a secret", secret, () => {}, {}],
    ["its file has a list with one", listed, () => {}, {}],
    ["its state is here", [], withState, {}],
    ["its state is elsewhere", [], () => {}, { PULUMI_BACKEND_URL: "s3://state" }],
    ["Pulumi.yaml says that its state is elsewhere", [], () => stateAt("s3://state"), {}],
  ])("isn't made where another one encrypted the stack and %s", (_, lines, prepare, environment) => {
    stackFile("prod", ...lines, salt);
    prepare();
    const before = readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8");
    expect(() => ensurePassphrase(folder, environment, "prod")).toThrow(
      `passphrase: Pulumi.prod.yaml was encrypted with one that isn't here: there is no .state/passphrase, and PULUMI_CONFIG_PASSPHRASE isn't set${wayOut}`,
    );
    expect(existsSync(file())).toBe(false);
    expect(readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8")).toBe(before);
  });

  test("is made where the stack's file brought another checkout's salt and nothing that was encrypted", () => {
    stackFile("dev", "  django-stack:environment: dev", salt);
    expect(ensurePassphrase(folder, {}, "dev").made).toBe(
      `${made}; Pulumi.dev.yaml had the encryptionsalt of another checkout, which nothing here needs: removed`,
    );
    expect(readFileSync(join(folder, "Pulumi.dev.yaml"), "utf8")).toBe("config:\n  django-stack:environment: dev\n");
  });

  test("is made for a stack of one's own beside one that others have encrypted", () => {
    stackFile("prod", ...secret, salt);
    stackFile("dev");
    expect(ensurePassphrase(folder, {}, "dev").made).toBe(made);
  });

  test("is made for a command without a stack where none was encrypted, and left to Pulumi to ask for where one was", () => {
    stackFile("prod", salt);
    expect(ensurePassphrase(folder, {})).toEqual({ variables: {}, made: undefined });
    expect(existsSync(file())).toBe(false);
    stackFile("prod");
    expect(ensurePassphrase(folder, {}).made).toBe(made);
  });
});

describe("a wrong one", () => {
  const said = "error: getting stack configuration: get stack secrets manager: incorrect passphrase";

  test.each([
    [{ PULUMI_CONFIG_PASSPHRASE_FILE: "/srv/site/.state/passphrase" }, "/srv/site/.state/passphrase"],
    [{ PULUMI_CONFIG_PASSPHRASE: "x", PULUMI_CONFIG_PASSPHRASE_FILE: "/y" }, "PULUMI_CONFIG_PASSPHRASE"],
  ])("is named by its place: %o", (environment, place) => {
    expect(wrongPassphrase(said, environment, "dev")?.message).toBe(
      `passphrase: the secrets of stack dev were encrypted with another one than that in ${place}${wayOut}; where Pulumi.dev.yaml came from another checkout and has nothing \`secure:\`, remove its line encryptionsalt`,
    );
  });

  test("is nothing that another error is", () => {
    expect(wrongPassphrase("error: no stack named 'prod' found", {}, "prod")).toBeUndefined();
  });
});
