import { expect, test } from "vitest";
import { packFiles, unpackFiles } from "../../components/file-bundle.ts";

test("each file by its name, with its size in bytes", () => {
  expect(packFiles({ "tls/key.pem": "key\n", empty: "", "a b": "\u00fc" })).toBe("2 a b\n\u00fc\n0 empty\n\n4 tls/key.pem\nkey\n\n");
});

test.each([
  [{}],
  [{ empty: "" }],
  [{ "a/b c": "without an end", newlines: "\n\n", "like a head": "3 no\nfile\n", "\u00fc": "\u20ac\u{1f600}\r\n\t" }],
])("what is packed comes out again: %j", (files) => {
  expect(unpackFiles(packFiles(files))).toEqual(files);
});
