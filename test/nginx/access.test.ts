import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { renderPasswordFile } from "../../nginx/access.ts";

test("a password file that nginx can check: the digest of password and salt, then the salt", () => {
  const [, username, encoded] = /^([^:]+):\{SSHA\}(\S+)\n$/.exec(renderPasswordFile("staging", "secret")) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  expect([username, bytes.length]).toEqual(["staging", 36]);
  expect(createHash("sha1").update("secret").update(bytes.subarray(20)).digest()).toEqual(bytes.subarray(0, 20));
});

test("the same for the same password, another for another, and the password isn't in it", () => {
  const file = renderPasswordFile("staging", "secret");
  expect(renderPasswordFile("staging", "secret")).toBe(file);
  expect(renderPasswordFile("staging", "secret2").slice(15)).not.toBe(file.slice(15));
  expect(file).not.toContain("secret");
});
