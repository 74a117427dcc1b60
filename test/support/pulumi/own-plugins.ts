import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePluginHome } from "./plugin-home.ts";

/** Before the tests through Pulumi: where its own plugins can't be had, theirs take their place. */
export function setup(): (() => void) | undefined {
  const { DJANGO_STACK_TEST_PULUMI: pulumi, DJANGO_STACK_TEST_OWN_PLUGINS: own } = process.env;
  if (own !== "true" || pulumi === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "django-stack-plugins-"));
  Object.assign(process.env, makePluginHome(folder, pulumi));
  return () => rmSync(folder, { recursive: true, force: true });
}
