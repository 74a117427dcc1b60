import { describe, expect, test } from "vitest";
import { docker, png, type Site } from "../support/site.ts";

/** What happens to data. */
export function dataBehaviour(site: Site): void {
  const { name, prefix, stack } = site;
  const anonymous = () => site.anonymous();

  describe("data", () => {
    test("outlives a destroy of a stack that protects it, and the next up serves the same rows with new passwords", async () => {
      const rows = (await anonymous().request("/api/movies/?search=Alien")).text;
      const poster = JSON.parse(rows).results[0].poster;
      await stack.destroy();
      const kept = docker("volume", "ls", "--format", "{{.Name}}", "--filter", `name=${prefix}-`).trim().split("\n").sort();
      expect(kept).toEqual([`${prefix}-acme-state`, `${prefix}-media-data`, `${prefix}-owner`, `${prefix}-postgres-18-data`]);
      expect(docker("ps", "--all", "--quiet", "--filter", `label=django-stack.name=${name}`).trim()).toBe("");
      await site.up();
      expect((await anonymous().request("/api/movies/?search=Alien")).text).toBe(rows);
      expect((await anonymous().request(poster)).body).toEqual(png);
    });
  });
}
