import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../containers/publish-static.py");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-publish-"));
  for (const name of ["image", "volume", "packages", "packed"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "packages/brotli.py"), "def compress(content, quality):\n    print('packed')\n    return b'%d:' % quality + content\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Publishes what the image has, or packs it for that; without the machine's own packages, and with a stand-in for Brotli. */
const publish = ({ step = "publish", brotli = true } = {}) =>
  execFileSync("python3", ["-S", script, step, ...["image", "volume", "packed"].map((name) => join(folder, name))], {
    env: { PATH: process.env.PATH ?? "", PYTHONDONTWRITEBYTECODE: "1", ...(brotli ? { PYTHONPATH: join(folder, "packages") } : {}) },
    encoding: "utf8",
  });

function gather(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, "image", path)), { recursive: true });
    writeFileSync(join(folder, "image", path), content);
  }
}

const published = (path: string) => readFileSync(join(folder, "volume", path), "utf8");
const present = () =>
  readdirSync(join(folder, "volume"), { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, "volume", path)).isFile())
    .sort();
const list = (name: string) => published(`.releases/${name}`);

test("what an image has gathered is published and packed, but for its manifest, and listed", () => {
  gather({ "app/site.css": "a { }", "app/site.12ab.css": "a { }", "logo.png": "png", "staticfiles.json": "{}", "deep/staticfiles.json": "{}" });
  // Once for both files of one content.
  expect(publish()).toBe("packed\n");
  // sha256sum of the list.
  const release = "12c56ed677a1";
  expect(present()).toEqual([
    ".brotli/static/app/site.12ab.css",
    ".brotli/static/app/site.css",
    `.releases/${release}`,
    "app/site.12ab.css",
    "app/site.12ab.css.gz",
    "app/site.css",
    "app/site.css.gz",
    "logo.png",
  ]);
  expect(published(".brotli/static/app/site.12ab.css")).toBe("10:a { }");
  expect(gunzipSync(readFileSync(join(folder, "volume/app/site.css.gz"))).toString()).toBe("a { }");
  expect(list(release)).toBe("./app/site.12ab.css\n./app/site.css\n./logo.png\n");
  expect(statSync(join(folder, "volume/app/site.css.gz")).mode & 0o777).toBe(0o644);
  expect(statSync(join(folder, "volume/.releases")).mode & 0o777).toBe(0o700);
});

test("a link's file is published, as `collectstatic --link` leaves it, and one that leads nowhere is left out", () => {
  gather({ "site.css": "a { }" });
  writeFileSync(join(folder, "package.css"), "b { }");
  symlinkSync(join(folder, "package.css"), join(folder, "image/linked.css"));
  symlinkSync("/nowhere", join(folder, "image/broken.css"));
  publish();
  expect(present().filter((path) => !path.startsWith("."))).toEqual(["linked.css", "linked.css.gz", "site.css", "site.css.gz"]);
  expect(lstatSync(join(folder, "volume/linked.css")).isFile()).toBe(true);
  expect(published("linked.css")).toBe("b { }");
});

test("what is there already is neither written nor packed again, and files of earlier releases stay", () => {
  gather({ "site.1.css": "one", "robots.txt": "none" });
  publish();
  const [first] = readdirSync(join(folder, "volume/.releases"));
  for (const path of present()) utimesSync(join(folder, "volume", path), 1, 1);
  rmSync(join(folder, "image/site.1.css"));
  gather({ "site.2.css": "two" });
  expect(publish()).toBe("packed\n");
  const untouched = present().filter((path) => statSync(join(folder, "volume", path)).mtimeMs === 1000);
  expect(untouched).toEqual([".brotli/static/robots.txt", ".brotli/static/site.1.css", `.releases/${first}`, "robots.txt", "robots.txt.gz", "site.1.css", "site.1.css.gz"]); // prettier-ignore
  const second = readdirSync(join(folder, "volume/.releases")).find((name) => name !== first) ?? "";
  expect(list(second)).toBe("./robots.txt\n./site.2.css\n");
});

test("what is packed beforehand changes nothing that is published, and isn't packed again", () => {
  gather({ "site.css": "one", "other.css": "one", "kept.css": "kept", "own.js": "own", "own.js.gz": "packed by the image" });
  publish();
  const before = present();
  gather({ "site.css": "two", "other.css": "two", "own.js": "new" });
  // Once a content, and of what is published already, nothing.
  expect(publish({ step: "pack" })).toBe("packed\npacked\n");
  expect([present(), published("site.css"), published("own.js")]).toEqual([before, "one", "own"]);
  const endings = readdirSync(join(folder, "packed")).map((name) => extname(name));
  expect(endings.sort()).toEqual([".br", ".br", ".gz"]);
  expect(publish()).toBe("");
  for (const name of ["site.css", "other.css"]) {
    expect(published(name)).toBe("two");
    expect(published(`.brotli/static/${name}`)).toBe("10:two");
    expect(gunzipSync(readFileSync(join(folder, `volume/${name}.gz`))).toString()).toBe("two");
  }
  expect([published("own.js.gz"), published(".brotli/static/own.js")]).toEqual(["packed by the image", "10:new"]);
  rmSync(join(folder, "packed"), { recursive: true });
  mkdirSync(join(folder, "packed"));
  expect(publish({ step: "pack" })).toBe("");
  expect(readdirSync(join(folder, "packed"))).toEqual([]);
});

test("a first release that is packed beforehand leaves nothing on the volume", () => {
  gather({ "site.css": "one" });
  publish({ step: "pack" });
  expect(readdirSync(join(folder, "volume"))).toEqual([]);
});

test("a release that was published before becomes the newest", () => {
  gather({ "site.css": "one" });
  publish();
  const [name] = readdirSync(join(folder, "volume/.releases"));
  utimesSync(join(folder, "volume/.releases", name), 1, 1);
  publish();
  expect(readdirSync(join(folder, "volume/.releases"))).toEqual([name]);
  expect(statSync(join(folder, "volume/.releases", name)).mtimeMs).toBeGreaterThan(1000);
});

test("a file of another content under the same name is packed anew", () => {
  gather({ "site.css": "one" });
  publish();
  gather({ "site.css": "two" });
  expect(publish()).toBe("packed\n");
  expect(published("site.css")).toBe("two");
  expect(published(".brotli/static/site.css")).toBe("10:two");
  expect(gunzipSync(readFileSync(join(folder, "volume/site.css.gz"))).toString()).toBe("two");
});

test("what the image has packed itself, as WhiteNoise does, is published as it is", () => {
  gather({ "site.css": "one", "site.css.gz": "packed by the image", "site.css.br": "br" });
  publish();
  expect(present().filter((path) => !path.startsWith("."))).toEqual(["site.css", "site.css.br", "site.css.gz"]);
  expect(published("site.css.gz")).toBe("packed by the image");
  gather({ "site.css": "two", "site.css.gz": "packed anew" });
  publish();
  expect([published("site.css"), published("site.css.gz"), published(".brotli/static/site.css")]).toEqual(["two", "packed anew", "10:two"]);
});

test("without the package Brotli it says so, and packs by gzip alone; an older release's packed file of another content goes", () => {
  gather({ "site.css": "one", "page.html": "<p>" });
  publish();
  gather({ "site.css": "two" });
  expect(publish({ brotli: false })).toBe("release: the image has no package Brotli, static files are packed by gzip alone\n");
  expect(existsSync(join(folder, "volume/.brotli/static/site.css"))).toBe(false);
  expect(published(".brotli/static/page.html")).toBe("10:<p>");
  expect(gunzipSync(readFileSync(join(folder, "volume/site.css.gz"))).toString()).toBe("two");
});

test("what a volume held before the first list is a release of its own", () => {
  for (const [name, content] of [["old.css", "old"], ["old.css.gz", "packed"]]) writeFileSync(join(folder, "volume", name), content); // prettier-ignore
  gather({ "new.css": "new" });
  publish();
  expect(list("before")).toBe("./old.css\n");
});

test("a file that can't be published fails the release, and no list names it", () => {
  gather({ "site.css": "one" });
  // A folder where the file belongs.
  mkdirSync(join(folder, "volume/site.css/inside"), { recursive: true });
  expect(() => publish()).toThrow(/^release: static files can't be published: \[Errno 21\] Is a directory: .*site\.css/m);
  expect(readdirSync(join(folder, "volume/.releases"))).toEqual([]);
});
