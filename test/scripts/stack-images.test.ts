import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { baseImages } from "../../scripts/setup/base-images.mjs";
import { imagesOf } from "../../scripts/setup/stack-images.mjs";

const root = join(import.meta.dirname, "../..");
let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "django-stack-images-"))));
afterEach(() => rmSync(folder, { recursive: true }));

describe("a stack's images", () => {
  const of = (yaml: string) => {
    writeFileSync(join(folder, "Pulumi.shop.yaml"), yaml);
    writeFileSync(join(folder, "Pulumi.yaml"), "name: django-stack\n");
    writeFileSync(join(folder, "package.json"), "{}");
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    mkdirSync(join(folder, "django"));
    writeFileSync(join(folder, "django/Dockerfile"), "FROM python:3.14-slim AS dependencies\n");
    return imagesOf(folder, "shop");
  };
  const defaults = baseImages.map(({ image }) => image);

  test("are the defaults' where its file names none", () => {
    expect(of("config: {}\n")).toEqual(defaults);
  });

  test("in development, without backups and with another Dockerfile", () => {
    expect(of("config:\n  django-stack:environment: dev\n  app: { dockerfile: Other }\n")).toEqual(["postgres:18", "nginx:1.30"]);
  });

  test("are those that its file names, whichever way Pulumi wrote them", () => {
    const yaml = `config:
  django-stack:postgres: '{"image":"registry.example.com/postgis:18","version":18}'
  django-stack:nginx:
    image: nginx:1.31
  django-stack:backup: { resticImage: "restic/restic:0.20.0" }
`;
    expect(of(yaml)).toEqual(["registry.example.com/postgis:18", "nginx:1.31", "python:3.14-slim", "restic/restic:0.20.0"]);
  });

  test("another major version of Postgres is the official image's", () => {
    expect(of("config:\n  django-stack:postgres: { version: 17 }\n")[0]).toBe("postgres:17");
  });

  test("a file that can't be read is the program's to complain of", () => {
    expect(of("config: [\n")).toEqual(defaults);
  });
});
