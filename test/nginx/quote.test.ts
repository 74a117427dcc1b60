import fc from "fast-check";
import { expect, test } from "vitest";
import { quoted } from "../../nginx/quote.ts";

/** Reads one double-quoted parameter as nginx does (ngx_conf_read_token); undefined when it ends early. */
function readBack(text: string): string | undefined {
  let value = "";
  for (let index = 1; index < text.length; index++) {
    if (text[index] === "\\" && '"\\'.includes(text[index + 1])) value += text[++index];
    else if (text[index] === '"') return index === text.length - 1 ? value : undefined;
    else value += text[index];
  }
  return undefined;
}

test("keeps every text inside its parameter", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab;{}#'\"\\ \t=()".replace("\t", "").split("")) }), (text) => {
      expect(readBack(quoted(text))).toBe(text);
    }),
  );
});

test.each(["$host", "a\nb", "a\rb", "a\u0000b", "\u007f"])("refuses %j", (text) => {
  expect(() => quoted(text)).toThrow(`nginx can't take this text literally: ${JSON.stringify(text)}`);
});
