import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { renderShellVariables } from "../../components/backup-environment.ts";

test("a shell reads back what was given, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (value) => {
      const text = value.replaceAll("\0", "");
      const script = `${renderShellVariables({ VALUE: text })}printf %s "$VALUE"`;
      expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(text);
    }),
    { numRuns: 50, seed: 7 },
  );
});
