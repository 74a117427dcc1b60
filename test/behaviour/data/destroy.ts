import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { docker, png, type Site } from "../../support/site.ts";

/** What happens to data when a stack is destroyed, and how fixtures go out and in. */
export function destroyBehaviour(site: Site): void {
  const { name, prefix, stack } = site;
  const anonymous = () => site.anonymous();

  describe("data", () => {
    test("goes out as fixtures and comes in again by the commands among the outputs", async () => {
      const folder = mkdtempSync(join(tmpdir(), "django-stack-fixtures-"));
      const paste = (command: string) => execFileSync("sh", ["-c", command], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      paste(site.outputs.commands.dumpdata);
      const fixtures = JSON.parse(readFileSync(join(folder, "fixture.json"), "utf8"));
      const models = new Set(fixtures.map(({ model }: { model: string }) => model));
      expect([...models]).toEqual(expect.arrayContaining(["movies.movie", "auth.user"]));
      expect([...models].filter((model) => /session|contenttype|permission/.test(String(model)))).toEqual([]);
      expect(paste(site.outputs.commands.loaddata)).toContain(`Installed ${fixtures.length} object(s) from 1 fixture(s)`);
      rmSync(folder, { recursive: true });
    });

    test("outlives a destroy of a stack that protects it, and the next up serves the same rows with new passwords", async () => {
      const rows = (await anonymous().request("/api/movies/?search=Alien")).text;
      const poster = JSON.parse(rows).results[0].poster;
      await stack.destroy();
      const kept = docker("volume", "ls", "--format", "{{.Name}}", "--filter", `name=${prefix}-`).trim().split("\n").sort();
      expect(kept).toEqual(["acme-state", "backups", "media-data", "owner", "postgres-18-data"].map((role) => `${prefix}-${role}`));
      expect(docker("ps", "--all", "--quiet", "--filter", `label=django-stack.name=${name}`).trim()).toBe("");
      await site.up();
      expect((await anonymous().request("/api/movies/?search=Alien")).text).toBe(rows);
      expect((await anonymous().request(poster)).body).toEqual(png);
    });
  });
}
