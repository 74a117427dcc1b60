import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Answers to docker commands: a shell pattern of the words, and what to run for them. */
export type DockerAnswers = readonly (readonly [pattern: string, script: string])[];

/** An engine with nothing on it. */
export const emptyEngine: DockerAnswers = [
  ["version *rootlesskit*", ":"],
  ["version *", "echo '28.2.2|Engine'"],
  ["info *", "echo true"],
  ["exec *", "echo 'Error: No such container' >&2; exit 1"],
  ["ps *|network ls *|volume ls *|tag *|update *", ":"],
];

/** Returns a PATH on which the one program is a docker command that answers from a table, first match first. */
export function dockerOnPath(answers: DockerAnswers): string {
  const folder = mkdtempSync(join(tmpdir(), "docker-on-path-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const cases = answers.map(([pattern, script]) => `  ${pattern.replaceAll(" ", "\\ ")}) ${script} ;;`).join("\n");
  const script = `#!/bin/sh\nif [ "$1" = --host ]; then shift 2; fi\ncase "$*" in\n${cases}\n  *) echo "no answer for: $*" >&2; exit 1 ;;\nesac\n`;
  writeFileSync(join(folder, "docker"), script, { mode: 0o755 });
  return folder;
}
