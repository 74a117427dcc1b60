import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const workflow = parse(readFileSync(join(import.meta.dirname, "../.github/workflows/preview.yml"), "utf8"));

test("a pull request's preview without the state leaves out what only another passphrase opens, and nothing else", () => {
  const steps: { name?: string; if?: string; run?: string }[] = workflow.jobs.preview.steps;
  const step = steps.find(({ name }) => name === "Leave out what another passphrase has encrypted");
  expect(step?.if).toBe("env.HAS_STATE != 'true'");
  const folder = mkdtempSync(join(tmpdir(), "django-stack-workflow-"));
  const file = join(folder, "Pulumi.prod.yaml");
  writeFileSync(
    file,
    `encryptionsalt: v1:RDEnOvlBZzQ=:v1:9JsEqeQrOtsDgEPB:1h/lyOkLbeXgUN8w8jCmoLkPMmGnAw==
config:
  django-stack:domain: movies.example
  django-stack:secretEnv:
    EMAIL_PASSWORD:
      secure: v1:4ts6QPmzSK+PY1ki:bl4Byz5w7GnLVlfdtGXDNaoyJ7/Tkc8=
  django-stack:secrets:
    secretKeyFallbacks:
      - secure: v1:4ts6QPmzSK+PY1ki:bl4Byz5w7GnLVlfdtGXDNaoyJ7/Tkc8=
`,
  );
  const command = step?.run?.replace("${{ matrix.stack }}", "prod") ?? "exit 1";
  expect(spawnSync("sh", ["-ec", command], { cwd: folder, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(file, "utf8")).toBe(
    `config:
  django-stack:domain: movies.example
  django-stack:secretEnv:
    EMAIL_PASSWORD: not-readable-here
  django-stack:secrets:
    secretKeyFallbacks:
      - not-readable-here
`,
  );
  rmSync(folder, { recursive: true });
});
