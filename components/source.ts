import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { shortHash } from "./labels.ts";

/** Returns the mount of the checkout's own source, writable, where the development server runs on it; else nothing. */
export function sourceMounts(
  app: Pick<Config["app"], "mountSource" | "contextPath" | "sourceRoot">,
): { type: string; source: string; target: string }[] {
  return app.mountSource ? [{ type: "bind", source: app.contextPath, target: app.sourceRoot }] : [];
}

/** Returns an id of every migration under a folder. */
export function sourceMigrations(folder: string): string {
  const files = globSync("**/migrations/*.py", { cwd: folder, exclude: ["**/node_modules/**", "**/.venv/**", "**/.git/**"] }).sort();
  return shortHash(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}
