import { describe, expect, test } from "vitest";
import { obsoleteTags } from "../../components/cleanup.ts";

const image = (id: string, tag: string, day: number) => `sha256:${id} ${tag} 2026-11-${String(day).padStart(2, "0")} 10:00:00 +0000 UTC`;
const releases = (count: number) => Array.from({ length: count }, (_, index) => image(`image${index}`, `${index}`.repeat(12), index + 1));

describe("obsoleteTags", () => {
  test("keeps the last three releases", () => {
    expect(obsoleteTags(releases(3).join("\n"), [])).toEqual([]);
    expect(obsoleteTags([...releases(5), image("image4", "current", 5)].join("\n"), [])).toEqual(["111111111111", "000000000000"]);
  });

  test("keeps an older one that a container runs, and the current one after going back to it", () => {
    expect(obsoleteTags(releases(5).join("\n"), ["sha256:image0"])).toEqual(["111111111111"]);
    expect(obsoleteTags([...releases(5), image("image1", "current", 2)].join("\n"), [])).toEqual(["000000000000"]);
  });

  test("leaves tags alone that aren't a release's", () => {
    expect(obsoleteTags([...releases(4), image("mine", "my-tag", 1), ""].join("\n"), [])).toEqual(["000000000000"]);
  });
});
