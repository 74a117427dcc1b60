import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { parse } from "yaml";
import { declare, type Declarations } from "../../compose/declarations.ts";
import { GeneratedValues } from "../../compose/generated-values.ts";
import { renderProject, type ComposeProject } from "../../compose/project.ts";
import type { Engine } from "../../components/profiles.ts";

const checkout = join(import.meta.dirname, "../..");

/** Folder that the projects are rendered for. */
export const projectFolder = join(checkout, "docker-compose", "prod");

/** Declares a stack with the values of the test alone. */
export async function declarations(stack: string, config: Readonly<Record<string, unknown>>): Promise<Declarations> {
  const folder = mkdtempSync(join(tmpdir(), "django-stack-compose-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  vi.resetModules();
  // Otherwise this machine's engine is asked.
  vi.doMock("../../preflight.ts", () => ({ preflight: async () => ({ startInterval: "fixed" }) satisfies Engine }));
  return declare({
    folder: checkout,
    project: "django-stack",
    stack,
    config: {
      "compose:runner": "export",
      ...Object.fromEntries(
        Object.entries(config).map(([key, value]) => [`django-stack:${key}`, typeof value === "string" ? value : JSON.stringify(value)]),
      ),
    },
    secretKeys: [],
    values: new GeneratedValues(join(folder, "values.json")),
    isMounted: async () => false,
    run: async () => (await import("../../index.ts")).default,
  });
}

/** Renders a stack's project; `parsed` is compose.yaml as YAML has it. */
export async function composeProject(
  stack: string,
  config: Readonly<Record<string, unknown>>,
): Promise<ComposeProject & { readonly parsed: any; readonly declared: Declarations }> {
  const declared = await declarations(stack, config);
  const project = renderProject(declared, projectFolder);
  return { ...project, parsed: parse(project.text), declared };
}
