import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../containers/backup/hash-media.pl");
let folder: string;
let media: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-hashes-"));
  media = join(folder, "vol/web/media");
  mkdirSync(media, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");

function upload(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(media, path)), { recursive: true });
    writeFileSync(join(media, path), content);
  }
}

const pack = () => execFileSync("tar", ["--create", "--format=pax", "--directory", folder, "vol"], { maxBuffer: 1e8 });
const hashArchive = (input: Buffer) => spawnSync("perl", [script, "archive", "vol/web/media"], { input, encoding: "utf8" });

test("each file of an archive has the line that sha256sum prints of it, odd names and large files included", () => {
  const long = `${"long/".repeat(60)}${"n".repeat(120)}.jpg`;
  const large = "0123456789abcdef".repeat(70_000);
  const contents = { "poster.jpg": "one", empty: "", block: "b".repeat(512), "é x": "two", "back\\slash": "three", "Icon\r": "four", "a\nb": "five" };
  upload({ ...contents, [long]: "six", large });
  const { status, stdout, stderr } = hashArchive(pack());
  expect([status, stderr]).toEqual([0, ""]);
  const expected = [
    `${sha256("one")}  ./poster.jpg`,
    `${sha256("")}  ./empty`,
    `${sha256("b".repeat(512))}  ./block`,
    `${sha256("two")}  ./é x`,
    `\\${sha256("three")}  ./back\\\\slash`,
    `\\${sha256("four")}  ./Icon\\r`,
    `\\${sha256("five")}  ./a\\nb`,
    `${sha256("six")}  ./${long}`,
    `${sha256(large)}  ./large`,
  ];
  expect(stdout.trim().split("\n").sort()).toEqual(expected.sort());
});

test("an archive without files has no line", () => {
  expect(hashArchive(pack())).toMatchObject({ status: 0, stdout: "" });
});

test.each([
  ["in a file", (archive: Buffer) => archive.subarray(0, 3000), "the archive ends too early\n"],
  ["between two files", (archive: Buffer) => archive.subarray(0, 512), "the archive ends too early\n"],
  ["in no archive", () => Buffer.from("x".repeat(512)), "can't be read\n"],
])("an archive that ends %s fails", (_, cut, message) => {
  upload({ large: "x".repeat(5000) });
  const { status, stderr } = hashArchive(cut(pack()));
  expect([status, stderr]).toEqual([expect.any(Number), expect.stringContaining(message)]);
  expect(status).not.toBe(0);
});

const states = (files: Readonly<Record<string, string>>) =>
  Object.entries(files)
    .map(([path, state]) => `${state} ./${path}\0`)
    .join("");
function hashFiles(states: string) {
  writeFileSync(join(folder, "states"), states);
  return spawnSync("perl", [script, "files", join(folder, "states"), join(folder, "known")], { cwd: media, encoding: "utf8" });
}

test("files are hashed in the order of their states, and one whose state is known isn't read again", () => {
  upload({ "a\nb": "one", "c d": "two" });
  const before = states({ "a\nb": "3 1.5 1.5 7", "c d": "3 1.5 1.5 8" });
  expect(hashFiles(before)).toMatchObject({ status: 0, stdout: `\\${sha256("one")}  ./a\\nb\n${sha256("two")}  ./c d\n`, stderr: "" });
  upload({ "a\nb": "changed", "c d": "not read", new: "three" });
  expect(hashFiles(states({ "c d": "3 1.5 1.5 8", new: "5 2.5 2.5 9", "a\nb": "7 2.5 2.5 7" })).stdout).toBe(
    `${sha256("two")}  ./c d\n${sha256("three")}  ./new\n\\${sha256("changed")}  ./a\\nb\n`,
  );
});

test("a file that can't be read is named, and the others are hashed all the same", () => {
  upload({ here: "one" });
  const { status, stdout, stderr } = hashFiles(states({ gone: "3 1.5 1.5 7", here: "3 1.5 1.5 8" }));
  expect([status, stdout, stderr]).toEqual([0, `${sha256("one")}  ./here\n`, expect.stringContaining("gone")]);
  expect(readFileSync(join(folder, "known"), "utf8")).toBe(`${sha256("one")} 3 1.5 1.5 8 ./here\0`);
  expect(readFileSync(join(folder, "known.unread"), "utf8")).toBe("3 1.5 1.5 7 ./gone\0");
});
