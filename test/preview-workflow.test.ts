import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const pem = (name: string, indent: string) =>
  [`-----BEGIN ${name}-----`, "MIIB", `-----END ${name}-----`].map((line) => `${indent}${line}\n`).join("");

const workflow = parse(readFileSync(join(import.meta.dirname, "../.github/workflows/preview.yml"), "utf8"));

/** Runs the step over a stack's file; returns what it has printed and what the file is then. */
function leaveOut(content: string): { printed: string; file: string } {
  const steps: { name?: string; if?: string; run?: string }[] = workflow.jobs.preview.steps;
  const step = steps.find(({ name }) => name === "Leave out what another passphrase has encrypted");
  expect(step?.if).toBe("env.HAS_STATE != 'true'");
  const folder = mkdtempSync(join(tmpdir(), "django-stack-workflow-"));
  const file = join(folder, "Pulumi.prod.yaml");
  writeFileSync(file, content);
  const command = step?.run?.replace("${{ matrix.stack }}", "prod") ?? "exit 1";
  const { status, stdout, stderr } = spawnSync("sh", ["-ec", command], { cwd: folder, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  const left = readFileSync(file, "utf8");
  rmSync(folder, { recursive: true });
  return { printed: stdout, file: left };
}

test("a pull request's preview without the state leaves out what only another passphrase opens, and nothing else", () => {
  expect(
    leaveOut(`encryptionsalt: v1:RDEnOvlBZzQ=:v1:9JsEqeQrOtsDgEPB:1h/lyOkLbeXgUN8w8jCmoLkPMmGnAw==
config:
  django-stack:domain: movies.example
  django-stack:secretEnv:
    EMAIL_PASSWORD:
      secure: v1:4ts6QPmzSK+PY1ki:bl4Byz5w7GnLVlfdtGXDNaoyJ7/Tkc8=
  django-stack:secrets:
    secretKeyFallbacks:
      - secure: v1:4ts6QPmzSK+PY1ki:bl4Byz5w7GnLVlfdtGXDNaoyJ7/Tkc8=
  django-stack:tls:
    mode: acme
`),
  ).toEqual({
    printed: "",
    file: `config:
  django-stack:domain: movies.example
  django-stack:secretEnv:
    EMAIL_PASSWORD: not-readable-here
  django-stack:secrets:
    secretKeyFallbacks:
      - not-readable-here
  django-stack:tls:
    mode: acme
`,
  });
});

test.each([
  ["a text", `|\n${pem("CERTIFICATE", "      ")}${pem("CERTIFICATE", "      ")}`],
  ["a folded text", `|-\n${pem("CERTIFICATE", "      ")}`],
  ["a path", "certificates/fullchain.pem\n"],
])("where the key of a certificate can't be read, with %s for the certificate, it previews a self-signed one and says so", (_, certificate) => {
  expect(
    leaveOut(`config:
  django-stack:tls:
    certificate: ${certificate}    mode: provided
    policy: modern
    privateKey:
      secure: v1:4ts6QPmzSK+PY1ki:bl4Byz5w7GnLVlfdtGXDNaoyJ7/Tkc8=
  django-stack:domain: movies.example
`),
  ).toEqual({
    printed: "::notice::tls.privateKey can't be read here: previewed with tls.mode self-signed.\n",
    file: `config:
  django-stack:tls:
    mode: self-signed
    policy: modern
  django-stack:domain: movies.example
`,
  });
});
