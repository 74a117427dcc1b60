import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cleanUp, obsoleteImages } from "../../components/cleanup.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const image = (id: string, tag: string, day: number, repository = "app") =>
  `${repository} ${tag} sha256:${id} 2026-11-${String(day).padStart(2, "0")} 10:00:00 +0000 UTC`;
const releases = (count: number) => Array.from({ length: count }, (_, index) => image(`image${index}`, `${index}`.repeat(12), index + 1));
const obsolete = (...lines: string[]) => obsoleteImages(lines.join("\n")).map(({ reference }) => reference);

describe("obsoleteImages", () => {
  test("keeps the last three releases", () => {
    expect(obsolete(...releases(3))).toEqual([]);
    expect(obsoleteImages([...releases(5), image("image4", "current", 5)].join("\n"))).toEqual([
      { reference: "app:111111111111", id: "sha256:image1" },
      { reference: "app:000000000000", id: "sha256:image0" },
    ]);
  });

  test("keeps the current one after going back to it", () => {
    expect(obsolete(...releases(5), image("image1", "current", 2))).toEqual(["app:000000000000"]);
  });

  test("counts each repository's releases apart", () => {
    expect(obsolete(...releases(3), image("backup", "b".repeat(12), 1, "backup"))).toEqual([]);
    expect(obsolete(...[1, 2, 3, 4].map((day) => image(`backup${day}`, `${day}`.repeat(12), day, "backup")), ...releases(3))).toEqual([
      "backup:111111111111",
    ]);
  });

  test("leaves tags alone that aren't a release's", () => {
    expect(obsolete(...releases(4), image("mine", "my-tag", 1), "")).toEqual(["app:000000000000"]);
  });
});

describe("cleanUp", () => {
  const owner = { prefix: "movies-prod", name: "movies", stack: "prod" };
  const labelled = "--filter label=django-stack.name=movies --filter label=django-stack.stack=prod";
  const script = (name: string) => readFileSync(join(import.meta.dirname, "../../containers", name), "utf8");
  const format = '{{.Label "django-stack.component"}}/{{.Label "django-stack.files"}}';
  const listing = `image ls --no-trunc --format {{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}} --filter reference=movies-prod-django --filter reference=movies-prod-backup-image`;

  test("asks the engine for as little as it can, and runs one container", async () => {
    const { docker, calls } = fakeDocker([
      [/^image ls/, releases(3).join("\n")],
      [/^image prune/, ""],
      [/^ps/, "postgres/\nnginx/ddd\ndjango/aaa\nbackground/bbb\n/\ndjango/\n"],
      [/^inspect/, "sha256:nginx\n"],
      [/^run/, ""],
    ]);
    await cleanUp({ docker, ...owner });
    expect(calls).toEqual([
      listing,
      `image prune --force ${labelled}`,
      `ps --all --format ${format} ${labelled}`,
      "inspect --format {{.Image}} movies-prod-nginx",
      "run --rm --user 0:0 --network none --cpu-shares 128 --volume movies-prod-static-data:/files " +
        "--volume movies-prod-django-files:/folders/django --volume movies-prod-nginx-files:/folders/nginx --entrypoint /bin/sh sha256:nginx " +
        `-ec sh -ec "$1"; script=$2; shift 2; sh -ec "$script" sh "$@" sh ${script("prune-static.sh")} ${script("remove-unused-files.sh")} nginx/ddd django/aaa django/bbb`,
    ]);
  });

  test("removes an old release that no container runs, and leaves one that a container has", async () => {
    const { docker, calls } = fakeDocker([
      [/^image ls/, releases(5).join("\n")],
      [/^ps --all --quiet --filter ancestor=sha256:image1$/, "0123456789ab\n"],
      [/^ps --all --quiet --filter ancestor=sha256:image0$/, ""],
      [/^(image|ps|run)/, ""],
      [/^inspect/, "sha256:nginx"],
    ]);
    await cleanUp({ docker, ...owner });
    expect(calls.filter((call) => call.startsWith("image rm"))).toEqual(["image rm app:000000000000"]);
  });
});
