import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../containers/backup/place-media.pl");
let media: string;
let staged: string;
beforeEach(() => {
  media = mkdtempSync(join(tmpdir(), "django-stack-media-"));
  staged = join(media, ".restoring/vol/web/media");
  mkdirSync(staged, { recursive: true });
});
afterEach(() => rmSync(media, { recursive: true }));

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** Contents of a folder's files by path, but for what a restore keeps beside media files. */
const contents = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => !/^\.(restoring|replaced-)/.test(path) && statSync(join(folder, path)).isFile())
      .map((path) => [path, readFileSync(join(folder, path), "utf8")]),
  );
const place = (...words: string[]) => spawnSync("perl", [script, ...words], { encoding: "utf8" });
const add = () => place("add", staged, media);
const replace = () => place("replace", staged, media, join(media, ".replaced-now"));

test("what is missing comes, with its folder's mode, and what is there stays", () => {
  write(media, { "same.jpg": "same", "changed.jpg": "live", "posters/mine.jpg": "live" });
  write(staged, { "same.jpg": "same", "changed.jpg": "saved", "posters/new one.jpg": "saved", "private/a\nb": "saved" });
  chmodSync(join(staged, "private"), 0o750);
  chmodSync(join(media, "posters"), 0o711);
  expect(add()).toMatchObject({ status: 0, stderr: "" });
  expect(contents(media)).toEqual({
    "same.jpg": "same",
    "changed.jpg": "live",
    "posters/mine.jpg": "live",
    "posters/new one.jpg": "saved",
    "private/a\nb": "saved",
  });
  expect([statSync(join(media, "private")).mode & 0o777, statSync(join(media, "posters")).mode & 0o777]).toEqual([0o750, 0o711]);
  // Not there twice, for a moment too.
  expect(statSync(join(media, "private/a\nb")).nlink).toBe(2);
});

test("what the backup lacks or has otherwise goes aside, and then all is as it was saved", () => {
  write(media, { "same.jpg": "same", "changed.jpg": "live!", "posters/mine.jpg": "live" });
  write(staged, { "same.jpg": "same", "changed.jpg": "saved", "posters/new.jpg": "saved" });
  write(join(media, ".replaced-before"), { "old.jpg": "earlier" });
  expect(replace()).toMatchObject({ status: 0, stderr: "" });
  expect(contents(media)).toEqual({ "same.jpg": "same", "changed.jpg": "saved", "posters/new.jpg": "saved" });
  expect(contents(join(media, ".replaced-now"))).toEqual({ "changed.jpg": "live!", "posters/mine.jpg": "live" });
  expect(contents(join(media, ".replaced-before"))).toEqual({ "old.jpg": "earlier" });
});

test("a file where the backup has a folder, and a folder where it has a file, wait for the switch and go aside then", () => {
  write(media, { folder: "live", "file/inside": "live" });
  write(staged, { "folder/inside": "saved", file: "saved" });
  expect(add()).toMatchObject({ status: 0, stderr: "" });
  expect(contents(media)).toEqual({ folder: "live", "file/inside": "live" });
  expect(replace()).toMatchObject({ status: 0, stderr: "" });
  expect(contents(media)).toEqual({ "folder/inside": "saved", file: "saved" });
  expect(contents(join(media, ".replaced-now"))).toEqual({ folder: "live", "file/inside": "live" });
});

test("symbolic links are files like others", () => {
  const link = (folder: string, name: string, to: string) => symlinkSync(to, join(folder, name));
  const linkAt = (path: string) => readlinkSync(join(media, path));
  for (const [name, to] of Object.entries({ same: "one", changed: "live", mine: "live", "in its way": "live" })) link(media, name, to);
  for (const [name, to] of Object.entries({ same: "one", changed: "saved", new: "nowhere" })) link(staged, name, to);
  write(staged, { "in its way": "saved" });
  expect(add()).toMatchObject({ status: 0, stderr: "" });
  expect([linkAt("new"), linkAt("changed")]).toEqual(["nowhere", "live"]);
  expect(replace()).toMatchObject({ status: 0, stderr: "" });
  expect([linkAt("same"), linkAt("changed"), linkAt("new"), readFileSync(join(media, "in its way"), "utf8")]).toEqual([
    "one",
    "saved",
    "nowhere",
    "saved",
  ]);
  expect(readdirSync(join(media, ".replaced-now")).sort()).toEqual(["changed", "in its way", "mine"]);
});

test("an empty backup leaves nothing, and nothing is lost", () => {
  write(media, { "posters/mine.jpg": "live" });
  expect(replace()).toMatchObject({ status: 0, stderr: "" });
  expect(contents(media)).toEqual({});
  expect(existsSync(join(media, ".replaced-now/posters/mine.jpg"))).toBe(true);
});
