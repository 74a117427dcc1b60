import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = readFileSync(join(import.meta.dirname, "../../containers/join-replicas.sh"), "utf8");
let folder: string;

const configuration = (id: string, replicas: string[]) =>
  [
    "upstream django {",
    ...replicas.map((name) => `        server ${name}:9000 resolve max_fails=2;`),
    "}",
    `            return 200 "${id}\\n";`,
    "upstream successor {",
    ...replicas.map((name) => `        server ${name}:9000 resolve max_fails=2;`),
    "}",
    "",
  ].join("\n");

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "django-stack-join-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Joins, from replicas of the live configuration to those of the new one, and returns what is current. */
function joinReplicas(live: string[], wanted: string[]): string {
  for (const [id, replicas] of [["aaa", live], ["bbb", wanted]] as const) {
    mkdirSync(join(folder, id));
    writeFileSync(join(folder, id, "nginx.conf"), configuration(id, replicas), { mode: 0o400 });
    writeFileSync(join(folder, id, "other.conf"), id);
  } // prettier-ignore
  symlinkSync("bbb", join(folder, "current"));
  execFileSync("sh", ["-ec", script.replaceAll("/files", folder), "sh", "aaa", "bbb", "joined-bbb"]);
  return readlinkSync(join(folder, "current"));
}

test("the new replicas join the old ones, wherever the configuration that is live has them", () => {
  expect(joinReplicas(["a", "b"], ["b", "c", "d"])).toBe("joined-bbb");
  expect(readFileSync(join(folder, "joined-bbb/nginx.conf"), "utf8")).toBe(configuration("joined-bbb", ["c", "d", "a", "b"]));
  expect(readFileSync(join(folder, "joined-bbb/other.conf"), "utf8")).toBe("aaa");
});

test.each([
  ["none leaves", ["a"], ["a", "b"]],
  ["none is new", ["a", "b"], ["a"]],
  ["they are the same", ["a", "b"], ["b", "a"]],
])("nothing is joined where %s", (_, live, wanted) => {
  expect(joinReplicas(live, wanted)).toBe("bbb");
});
