import { describe, expect, it } from "vitest";
import { failedTests } from "../../scripts/failed-tests.mjs";

const passed = { status: "passed", fullName: "a page answers", failureMessages: [] };

describe("failedTests", () => {
  it("names file, test and the first line of what it said", () => {
    const failed = {
      status: "failed",
      fullName: " a page answers in time",
      failureMessages: ["AssertionError: expected 503 to be 200\n    at file:1"],
    };
    const report = { testResults: [{ name: "/checkout/test/page.test.ts", status: "failed", message: "", assertionResults: [passed, failed] }] };
    expect(failedTests("/checkout", report)).toEqual(["test/page.test.ts: a page answers in time: AssertionError: expected 503 to be 200"]);
  });

  it("names a file that fails outside its tests", () => {
    const broken = { name: "/checkout/test/page.test.ts", status: "failed", message: "Error: no such module\n    at file:1", assertionResults: [] };
    const silent = { name: "/checkout/test/form.test.ts", status: "failed", message: "", assertionResults: [passed] };
    expect(failedTests("/checkout", { testResults: [broken, silent] })).toEqual([
      "test/page.test.ts: outside its tests: Error: no such module",
      "test/form.test.ts: outside its tests: see its output above",
    ]);
  });

  it("has nothing to say of tests that passed or were skipped", () => {
    const skipped = { status: "skipped", fullName: "a page waits", failureMessages: [] };
    expect(
      failedTests("/checkout", {
        testResults: [{ name: "/checkout/a.test.ts", status: "passed", message: "", assertionResults: [passed, skipped] }],
      }),
    ).toEqual([]);
  });
});
