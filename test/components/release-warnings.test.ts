import { expect, test } from "vitest";
import { releaseWarnings } from "../../components/release-warnings.ts";
import { fakeDocker } from "../support/fake-docker.ts";

test("finds what a release job warned of among all that it said", async () => {
  const { docker } = fakeDocker([
    [/^logs abc$/, "release: loading config.wsgi\nrelease: warning: uploads go nowhere\r\nApplying release: warning: no\nrelease: warning: second\n"],
  ]);
  expect(await releaseWarnings(docker, "abc")).toEqual(["uploads go nowhere", "second"]);
});
