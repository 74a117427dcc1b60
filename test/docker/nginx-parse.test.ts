import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asAccessPaths, asAddressRange, asDirectory, asHeader, asHostnames, asMailAddress } from "../../allowed-values.ts";
import { renderHeaderMaps } from "../../nginx/headers.ts";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { settings } from "../../settings.ts";
import { nginxArgs } from "../support/nginx-args.ts";
import { installPythonTool } from "../support/python-tool.ts";

interface Directive {
  readonly directive: string;
  readonly args: string[];
  readonly block?: Directive[];
}

const folder = mkdtempSync(join(tmpdir(), "django-stack-crossplane-"));
let python = "";

// `npm test` gives the command, and prints the reason where there is none.
const hasPython = process.env.DJANGO_STACK_TEST_PYTHON !== "";

beforeAll(() => {
  if (hasPython) python = join(installPythonTool(folder, "crossplane==0.5.8"), "python");
});
afterAll(() => rmSync(folder, { recursive: true }));

const parser = `
import crossplane, json, sys
def parse(path):
    result = crossplane.parse(path, single=True, check_ctx=False, check_args=False)
    assert result["status"] == "ok", (path, result["errors"])
    return [entry for entry in result["config"][0]["parsed"] if entry["directive"] != "#"]
print(json.dumps([parse(path) for path in json.load(sys.stdin)]))`;

/** Parses files as nginx does, by a parser of nginx's makers. */
function parse(texts: readonly string[]): Directive[][] {
  const paths = texts.map((text, index) => {
    writeFileSync(join(folder, `${index}.conf`), text);
    return join(folder, `${index}.conf`);
  });
  return JSON.parse(execFileSync(python, ["-c", parser], { input: JSON.stringify(paths), encoding: "utf8", maxBuffer: 1e9 }));
}

const render = (change: Partial<NginxConfigArgs>) => renderNginxConfig({ ...nginxArgs, ...change }).files;

/** Values of a kind, the same in every run. */
const sample = <T>(values: fc.Arbitrary<T>, count: number): T[] => fc.sample(values, { numRuns: count, seed: 20261121 });

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

/** A text as the parser gives it back: it undoes the escape of a quote and leaves that of a backslash; nginx undoes both. */
const unescaped = (text: string) => text.replaceAll("\\", "\\\\");

test.skipIf(!hasPython)("a header's value is refused, or is the whole of its directive", () => {
  const values = sample(hostile, 3000);
  const taken = values.filter((value) => accepted(asHeader, value) !== undefined && value !== "off");
  expect(taken.length).toBeGreaterThan(150);
  expect(values.filter((value) => /[$\0-\x1f\x7f-\uffff]/.test(value) && accepted(asHeader, value) !== undefined)).toEqual([]);
  const [usual] = parse([render({})["headers.conf"]]);
  expect(usual).toHaveLength(12);
  const files = taken.map((value) => render({ headers: { ...nginxArgs.headers, contentSecurityPolicy: value } })["headers.conf"]);
  for (const [index, parsed] of parse(files).entries()) {
    const expected = usual.map((entry) =>
      entry.args[0] === "Content-Security-Policy" ? [entry.args[0], unescaped(taken[index]), "always"] : entry.args,
    );
    expect(parsed.map(({ args }) => args)).toEqual(expected);
    expect(parsed.every(({ directive }) => directive === "add_header")).toBe(true);
  }
  const maps = taken.map((value) => renderHeaderMaps({ ...nginxArgs.headers, contentSecurityPolicy: value, fromDjango: ["contentSecurityPolicy"] }));
  for (const [index, [map, ...more]] of parse(maps).entries()) {
    expect([map.directive, more]).toEqual(["map", []]);
    expect(map.block?.map(({ directive, args }) => [directive, ...args])).toEqual([
      ["~^\\|.", ""],
      ["default", unescaped(taken[index])],
    ]);
  }
});

test.skipIf(!hasPython)("a hostname is refused, or is the whole of a server_name", () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const names = [
    ...sample(hostile, 2000),
    ...sample(fc.domain(), 200),
    ...sample(fc.array(label, { minLength: 1, maxLength: 5 }), 200).map((labels) => labels.join(".")),
    ...["bücher.example", "xn--bcher-kva.example", `${"a".repeat(63)}.example`, `${"a".repeat(64)}.example`, "*.example", "~^x$", "_", ""],
    ...["*.shop.example", "*.shop.*", "*.*.example", "*shop.example", "a.*.shop.example"],
    [...Array(4).fill("a".repeat(62)), "b"].join("."),
    [...Array(4).fill("a".repeat(63)), "b"].join("."),
  ];
  const taken = names.filter((name) => accepted(asHostnames, name) !== undefined);
  expect(taken.length).toBeGreaterThan(300);
  expect(taken).toContain("xn--bcher-kva.example");
  expect(taken.filter((name) => name.includes("*"))).toEqual(["*.shop.example"]);
  for (const name of taken) expect(name.length <= 253 && name.split(".").every((part) => part.length <= 63)).toBe(true);
  const [usual] = parse([render({ serverNames: ["movies.example"] })["site-https.conf"]]);
  expect(flat(usual).length).toBeGreaterThan(25);
  const files = taken.map((name) => render({ serverNames: [asHostnames(name)] })["site-https.conf"]);
  for (const [index, parsed] of parse(files).entries()) {
    const named = JSON.parse(JSON.stringify(usual).replaceAll('"movies.example"', JSON.stringify(taken[index].toLowerCase())));
    expect(flat(parsed).map(({ directive, args }) => [directive, args])).toEqual(flat(named).map(({ directive, args }) => [directive, args]));
  }
});

test.skipIf(!hasPython)("an ACME directory and a contact are refused, or are the whole of their directives", () => {
  const directories = [
    ...sample(hostile, 1000).flatMap((text) => [`https://ca.example/${text}`, `https://${text}/dir`]),
    ...sample(fc.webUrl({ validSchemes: ["https"] }), 300),
  ].filter((text) => accepted(asDirectory, text) !== undefined);
  const contacts = [...sample(hostile, 1000).map((text) => `${text}@movies.example`), ...sample(fc.emailAddress(), 300)].filter(
    (text) => accepted(asMailAddress, text) !== undefined,
  );
  expect(Math.min(directories.length, contacts.length)).toBeGreaterThan(20);
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

test.skipIf(!hasPython)("paths, addresses, cookies and folders are refused, or are the whole of what they stand for", () => {
  const readers = {
    path: (value: string) => Object.keys(asAccessPaths({ [value]: { allow: [], deny: ["192.0.2.1"] } }))[0],
    range: (value: string) => asAddressRange(value),
    cookie: (value: string) => settings.cache.sessionCookies.parse([value])[0],
    folder: (value: string) => settings.privateMedia.parse(value) as string,
    login: (value: string) => settings.limits.loginPaths.parse([value])[0],
  };
  const samples = [
    ...sample(hostile, 2000).flatMap((text) => [text, `/${text}`, `/${text}/`]),
    ...sample(fc.webPath(), 300),
    ...sample(fc.ipV4(), 100).map((address) => `${address}/24`),
    ...sample(fc.ipV6(), 100),
    ...sample(fc.stringMatching(/^\w{1,20}$/), 100),
    ...sample(fc.stringMatching(/^(\/(\*|[a-z.]{1,5})){1,4}\/?$/), 50),
    ...sample(fc.stringMatching(/^[\w.-]{1,20}$/), 100),
  ];
  const taken = (reader: (value: string) => string) => samples.filter((value) => accepted((text) => reader(text as string), value) !== undefined);
  const values = Object.fromEntries(Object.entries(readers).map(([name, reader]) => [name, taken(reader)]));
  for (const [name, list] of Object.entries(values)) expect([name, list.length > 50]).toEqual([name, true]);
  const count = Math.min(150, ...Object.values(values).map((list) => list.length));
  const cases = Array.from({ length: count }, (_, index) => Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list[index]])));
  const rendered = cases.map(({ path, range, cookie, folder, login }) =>
    render({
      access: { allow: [], deny: [range], paths: { [path]: { allow: [range], deny: [] } } },
      privateMedia: folder,
      cache: { minutes: 10, version: 1, maxSize: "1m", sessionCookies: [cookie], exceptPaths: [path] },
      limits: { requestsPerSecond: 1, burst: 1, connections: 1, loginAttemptsPerMinute: 1, loginPaths: [login] },
      maintenance: { allow: [range], retryAfterSeconds: 1 },
    }),
  );
  const [locations, caches, mains] = ["locations.conf", "cache.conf", "nginx.conf"].map((file) => parse(rendered.map((files) => files[file])));
  for (const [index, { path, range, cookie, folder, login }] of cases.entries()) {
    const blocks = locations[index].filter(({ directive }) => directive === "location");
    expect(blocks.map(({ args }) => args)).toEqual([
      ["/static/"],
      ["/media/"],
      [`/media/${folder}/`],
      ...["/", path].sort().map((beginning) => (beginning === "/" ? ["/"] : ["^~", beginning])),
    ]);
    expect(locations[index][0]).toMatchObject({ directive: "deny", args: [range] });
    expect(blocks.at(-1)?.block?.map(({ directive, args }) => [directive, ...args])).toEqual([
      ["deny", range],
      ["allow", range],
      ["deny", "all"],
      ["include", "proxy.conf"],
    ]);
    expect(caches[index].find(({ directive }) => directive === "proxy_no_cache")?.args).toEqual(["$known_visitor", "$http_authorization"]);
    const all = flat(mains[index]);
    const known = all.find(({ args }) => args[1] === "$known_visitor")?.block?.map(({ directive, args }) => [directive, ...args]);
    const pattern = `~*(?:^|[^\\w.-])(?:${cookie.replaceAll(".", "\\.")}|django_language|messages)[^\\w.;-]*=[^;]`;
    expect(known).toEqual([["default", ""], [pattern, "1"]]); // prettier-ignore
    expect(all.find(({ args }) => args[1] === "$login_client")?.block?.map(({ directive, args }) => [directive, ...args])).toEqual([
      ["default", ""],
      [login.includes("*") ? `~^POST ${login.replaceAll(".", "\\.").replaceAll("*", "[^/]+")}$` : `POST ${login}`, "$client_network"],
    ]);
    expect(all.find(({ args }) => args[0] === "$turned_away")?.block?.map(({ directive, args }) => [directive, ...args])).toEqual([
      ["default", "1"],
      [range, "0"],
    ]);
  }
});
