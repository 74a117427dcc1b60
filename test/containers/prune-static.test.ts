import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "django-stack-static-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const script = readFileSync(join(import.meta.dirname, "../../containers/prune-static.sh"), "utf8");
const prune = () => execFileSync("sh", ["-ec", script.replaceAll("/files", folder)]);
let clock = 1_700_000_000;

/** Publishes a release as the release job does: its files, packed and not, and its list. */
function publish(name: string, files: readonly string[]): void {
  mkdirSync(join(folder, ".releases"), { recursive: true });
  for (const file of files) {
    writeFileSync(join(folder, file), name);
    if (!file.endsWith(".css")) continue;
    writeFileSync(join(folder, `${file}.gz`), "packed");
    mkdirSync(join(folder, ".brotli/static"), { recursive: true });
    writeFileSync(join(folder, ".brotli/static", file), "packed");
  }
  const list = join(folder, ".releases", name);
  writeFileSync(list, files.map((file) => `./${file}\n`).join(""));
  utimesSync(list, ++clock, clock);
}

const present = () => readdirSync(folder).filter((name) => !name.startsWith(".")).sort(); // prettier-ignore
const packedByBrotli = () => readdirSync(join(folder, ".brotli/static")).sort();

test("the files of the last three live releases stay, with what is packed of them", () => {
  for (const number of [1, 2, 3, 4]) {
    publish(`release${number}`, [`site.${number}.css`, "robots.txt", `picture.${number}.png`]);
    if (number > 1) prune();
  }
  const expected = [2, 3, 4].flatMap((number) => [`picture.${number}.png`, `site.${number}.css`, `site.${number}.css.gz`]);
  expect(present()).toEqual([...expected, "robots.txt"].sort());
  expect(packedByBrotli()).toEqual(["site.2.css", "site.3.css", "site.4.css"]);
  expect(readdirSync(join(folder, ".releases")).sort()).toEqual(["live", "release2", "release3", "release4"]);
});

test("releases that never went live push none out, and go with the next that does", () => {
  publish("good", ["good.css"]);
  publish("better", ["better.css"]);
  prune();
  for (const name of ["failed1", "failed2", "failed3"]) publish(name, [`${name}.css`]);
  publish("best", ["best.css"]);
  prune();
  expect(present()).toEqual(["best.css", "best.css.gz", "better.css", "better.css.gz", "good.css", "good.css.gz"]);
});

test("going back to an earlier release makes it the newest", () => {
  for (const name of ["one", "two", "three"]) publish(name, [`${name}.css`]);
  prune();
  publish("one", ["one.css"]);
  prune();
  publish("four", ["four.css"]);
  prune();
  expect(readFileSync(join(folder, ".releases/live"), "utf8")).toBe("three\none\nfour\n");
  expect(existsSync(join(folder, "two.css"))).toBe(false);
});

test("a volume of before there were lists, or without any, keeps what it has", () => {
  writeFileSync(join(folder, "old.css"), "");
  prune();
  expect(present()).toEqual(["old.css"]);
  publish("before", ["old.css"]);
  publish("first", ["first.css"]);
  prune();
  expect(present()).toEqual(["first.css", "first.css.gz", "old.css", "old.css.gz"]);
});
