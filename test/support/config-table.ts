import { settings } from "../../settings.ts";
import type { Setting } from "../../settings/setting.ts";

type Table = { readonly [key: string]: Setting<unknown> | Table };

/** Renders the README's table of every config key from the settings themselves. */
export function renderConfigTable(): string {
  const rows = rowsOf(settings as unknown as Table, "");
  return ["| key | default in dev | default in prod | allowed | what it is for |", "|---|---|---|---|---|", ...rows].join("\n");
}

function rowsOf(table: Table, path: string): string[] {
  return Object.entries(table).flatMap(([key, entry]) => {
    if (typeof (entry as Setting<unknown>).parse !== "function") return rowsOf(entry as Table, `${path}${key}.`);
    const setting = entry as Setting<unknown>;
    return [`| \`${path}${key}\` | ${shown(setting.dev, key)} | ${shown(setting.prod, key)} | ${setting.allowed} | ${setting.about} |`];
  });
}

function shown(value: unknown, key: string): string {
  const plain = typeof value === "function" ? (value as (name: string) => string)("<name>") : value;
  if (key === "name") return "`django-stack`";
  if (plain === undefined) return "none";
  if (key === "memory") return `\`${String(plain)}m\``;
  return typeof plain === "object" ? `\`${JSON.stringify(plain)}\`` : `\`${String(plain)}\``;
}
