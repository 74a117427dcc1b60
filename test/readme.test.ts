import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderConfigTable } from "./support/config-table.ts";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("the README's config table is that of the settings", () => {
  expect(readme).toContain(renderConfigTable());
});

test("the README names only commands that there are", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = new Set([...readme.matchAll(/npm run ([a-z0-9:-]+)/g)].map(([, name]) => name));
  expect([...named].filter((name) => !(name in scripts))).toEqual([]);
});
