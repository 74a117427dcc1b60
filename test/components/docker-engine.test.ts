import { expect, test } from "vitest";
import { causeIn } from "../../components/docker-engine.ts";

const cause = "docker: Error response from daemon: no such image: nginx:1.30.";

test.each([
  ["version 20", `${cause}\n`],
  ["version 26", `Unable to find image locally\n${cause}\nSee 'docker run --help'.\n`],
  ["version 28", `${cause}\n\nRun 'docker run --help' for more information\n`],
])("says the cause, as %s words it", (_, stderr) => {
  expect(causeIn(stderr)).toBe(cause);
});

test("says nothing where docker said nothing", () => {
  expect(causeIn("\n")).toBe("");
});
