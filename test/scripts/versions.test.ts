import { expect, test } from "vitest";
import { compareVersions } from "../../scripts/setup/versions.mjs";

test("versions compare by number, whatever follows them", () => {
  expect(compareVersions("20.10.24+dfsg1", "20.10")).toBeGreaterThan(0);
  expect(compareVersions("20.10", "20.10.0")).toBe(0);
  expect(compareVersions("9.0.0", "20.10")).toBeLessThan(0);
});
