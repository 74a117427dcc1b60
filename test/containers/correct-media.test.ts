import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../containers/backup/correct-media.pl");
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "django-stack-corrections-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const [one, two, three] = ["1", "2", "3"].map((digit) => digit.repeat(64));
const write = (name: string, content: string) => (writeFileSync(join(folder, name), content), join(folder, name));
function correct(words: string[], input = "") {
  const { status, stdout, stderr } = spawnSync("perl", [script, ...words], { input, encoding: "utf8" });
  return { succeeded: status === 0, stdout, stderr };
}

/** What a backup's proof finds: what was expected, what the backup has, and the paths that changed meanwhile. */
function find(expected: string, actual: string, changed: readonly string[]) {
  const [before, after] = [expected, actual].map((lines) => lines.split(/(?<=\n)/));
  const lines = (list: readonly string[], others: readonly string[]) => list.filter((line) => !others.includes(line)).join("");
  const states = changed.map((path) => `5 1.5 1.5 7 ${path}\0`).join("");
  return correct(["find", write("before", lines(before, after)), write("after", lines(after, before)), write("changed", states)]);
}

const expected = `${one}  ./same.jpg\n${one}  ./changed, 100%.jpg\n\\${one}  ./a\\\\b\\nc\n${one}  ./gone é\n`;
const actual = `${two}  ./changed, 100%.jpg\n${one}  ./same.jpg\n\\${three}  ./a\\\\b\\nc\n${one}  ./new.jpg\n`;
const corrections = [`media=${three}=./a=5cb=0ac`, `media=${two}=./changed=2c=20100=25.jpg`, "media=gone=./gone=20=c3=a9"];

test("what changed or went is found, as words without spaces and commas", () => {
  const { succeeded, stdout, stderr } = find(expected, actual, ["./a\\b\nc", "./changed, 100%.jpg", "./gone é"]);
  expect([succeeded, stdout.trim().split("\n"), stderr]).toEqual([true, corrections, ""]);
});

test("applied, they make of what was expected what the backup has", () => {
  const { succeeded, stdout, stderr } = correct(["apply", write("expected", expected)], corrections.map((line) => `${line}\n`).join(""));
  expect([succeeded, stdout, stderr]).toEqual([true, `${one}  ./same.jpg\n${two}  ./changed, 100%.jpg\n\\${three}  ./a\\\\b\\nc\n`, ""]);
});

test("without corrections all is as expected", () => {
  expect(correct(["apply", write("expected", expected)])).toMatchObject({ succeeded: true, stdout: expected });
  expect(find(expected, expected, ["./same.jpg"])).toMatchObject({ succeeded: true, stdout: "" });
});

test("where an older backup is proven once more, nothing may be otherwise", () => {
  const again = (line: string) => correct(["find", write("before", line), write("after", ""), join(folder, "no such file")]);
  expect(again("")).toMatchObject({ succeeded: true, stdout: "" });
  expect(again(`${one}  ./same.jpg\n`)).toMatchObject({ succeeded: false, stdout: "", stderr: "./same.jpg\n" });
});

test.each([
  ["is otherwise", actual, ["./a\\b\nc", "./gone é"], "./changed, 100%.jpg\n"],
  ["is missing", actual, ["./a\\b\nc", "./changed, 100%.jpg"], "./gone é\n"],
])("a file that %s and didn't change is named", (_, actual, changed, named) => {
  expect(find(expected, actual, changed)).toMatchObject({ succeeded: false, stdout: "", stderr: named });
});

test("more than a thousand of them are too many", () => {
  const paths = Array.from({ length: 1001 }, (_, index) => `./${index}.jpg`);
  const { succeeded, stderr } = find(paths.map((path) => `${one}  ${path}\n`).join(""), "", paths);
  expect([succeeded, stderr]).toEqual([false, "1001 of them changed while they were stored, and more than 1000 can't be told apart from damage\n"]);
});
