import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asDirectory, asHeader, asHostname, asMailAddress } from "../../allowed-values.ts";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";
import { installPythonTool } from "../support/python-tool.ts";

interface Directive {
  readonly directive: string;
  readonly args: string[];
  readonly block?: Directive[];
}

const folder = mkdtempSync(join(tmpdir(), "django-stack-crossplane-"));
let python = "";

beforeAll(() => {
  python = join(installPythonTool(folder, "crossplane==0.5.8"), "python");
});
afterAll(() => rmSync(folder, { recursive: true }));

const parser = `
import crossplane, json, sys
print(json.dumps([crossplane.parse(path, single=True)["config"][0]["parsed"] for path in json.load(sys.stdin)]))`;

/** Parses files as nginx does, by a parser of nginx's makers. */
function parse(texts: readonly string[]): Directive[][] {
  const paths = texts.map((text, index) => {
    writeFileSync(join(folder, `${index}.conf`), text);
    return join(folder, `${index}.conf`);
  });
  return JSON.parse(execFileSync(python, ["-c", parser], { input: JSON.stringify(paths), encoding: "utf8", maxBuffer: 1e9 }));
}

const render = (change: Partial<NginxConfigArgs>) => renderNginxConfig({ ...nginxArgs, ...change }).files;

/** What a config's reader makes of a value; undefined where it refuses. */
function accepted<T>(read: (value: unknown) => T, value: string): T | undefined {
  try {
    return read(value);
  } catch {
    return undefined;
  }
}

/** Texts that would leave their directive if they could. */
const hostile = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(..."\"';{}$#\\\n\r\t\0 /*:=.-_@~") },
      { weight: 2, arbitrary: fc.constantFrom("a", "example", "add_header X-Evil 1", "return 200", "${host}", "\\n", "\\\\", "default_server") },
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(""));

/** All the directives of a file, those in blocks too. */
function flat(directives: readonly Directive[]): Directive[] {
  return directives.flatMap((entry) => [entry, ...flat(entry.block ?? [])]);
}

test("a header's value is refused, or is the whole of its directive", () => {
  const values = fc.sample(hostile, 3000);
  const taken = values.filter((value) => accepted(asHeader, value) !== undefined && value !== "off");
  expect(taken.length).toBeGreaterThan(150);
  expect(values.filter((value) => /[$\0-\x1f\x7f-\uffff]/.test(value) && accepted(asHeader, value) !== undefined)).toEqual([]);
  const [usual] = parse([render({})["headers.conf"]]);
  const files = taken.map((value) => render({ headers: { ...nginxArgs.headers, contentSecurityPolicy: value } })["headers.conf"]);
  for (const [index, parsed] of parse(files).entries()) {
    const expected = usual.map((entry) => (entry.args[0] === "Content-Security-Policy" ? [entry.args[0], taken[index], "always"] : entry.args));
    expect(parsed.map(({ args }) => args)).toEqual(expected);
    expect(parsed.every(({ directive }) => directive === "add_header")).toBe(true);
  }
});

test("a hostname is refused, or is the whole of a server_name", () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const names = [
    ...fc.sample(hostile, 2000),
    ...fc.sample(fc.domain(), 200),
    ...fc.sample(fc.array(label, { minLength: 1, maxLength: 5 }), 200).map((labels) => labels.join(".")),
    ...["bücher.example", "xn--bcher-kva.example", `${"a".repeat(63)}.example`, `${"a".repeat(64)}.example`, "*.example", "~^x$", "_", ""],
    [...Array(4).fill("a".repeat(62)), "b"].join("."),
    [...Array(4).fill("a".repeat(63)), "b"].join("."),
  ];
  const taken = names.filter((name) => accepted(asHostname, name) !== undefined);
  expect(taken.length).toBeGreaterThan(300);
  expect(taken).toContain("xn--bcher-kva.example");
  for (const name of taken) expect(name.length <= 253 && name.split(".").every((part) => part.length <= 63)).toBe(true);
  const [usual] = parse([render({ serverNames: ["movies.example"] })["site-https.conf"]]);
  const files = taken.map((name) => render({ serverNames: [asHostname(name)] })["site-https.conf"]);
  for (const [index, parsed] of parse(files).entries()) {
    const named = JSON.parse(JSON.stringify(usual).replaceAll('"movies.example"', JSON.stringify(taken[index].toLowerCase())));
    expect(flat(parsed).map(({ directive, args }) => [directive, args])).toEqual(flat(named).map(({ directive, args }) => [directive, args]));
  }
});

test("an ACME directory and a contact are refused, or are the whole of their directives", () => {
  const directories = [
    ...fc.sample(hostile, 1000).flatMap((text) => [`https://ca.example/${text}`, `https://${text}/dir`]),
    ...fc.sample(fc.webUrl({ validSchemes: ["https"] }), 300),
  ].filter((text) => accepted(asDirectory, text) !== undefined);
  const contacts = [...fc.sample(hostile, 1000).map((text) => `${text}@movies.example`), ...fc.sample(fc.emailAddress(), 300)].filter(
    (text) => accepted(asMailAddress, text) !== undefined,
  );
  expect(Math.min(directories.length, contacts.length)).toBeGreaterThan(30);
  const count = Math.min(directories.length, contacts.length, 200);
  const files = Array.from(
    { length: count },
    (_, index) => render({ acme: { directory: directories[index], contact: contacts[index], authority: undefined } })["nginx.conf"],
  );
  for (const [index, parsed] of parse(files).entries()) {
    const issuer = flat(parsed).find(({ directive }) => directive === "acme_issuer");
    expect(issuer?.block?.map(({ directive }) => directive)).toEqual(["uri", "contact", "state_path", "accept_terms_of_service"]);
    expect(issuer?.block?.slice(0, 2).map(({ args }) => args)).toEqual([[directories[index]], [contacts[index]]]);
    expect(issuer?.block?.[2].args[0]).toMatch(/^\/var\/lib\/acme\/[a-z0-9.-]+$/i);
  }
});
