import { relative } from "node:path";

/**
 * Returns a line for each failure in a report by vitest's JSON reporter, so that the end of a long run says what failed.
 *
 * @param {string} root the folder that files are named from
 * @param {{ testResults: { name: string, status: string, message: string, assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[] }} report
 * @returns {string[]} such as `test/docker/prod.test.ts: a fresh stack answers: AssertionError: expected 503 to be 200`; a file that fails outside its tests has a line of its own
 */
export function failedTests(root, report) {
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0 && status === "failed") return [`${file}: outside its tests: ${firstLine(message)}`];
    return failed.map(({ fullName, failureMessages }) => `${file}: ${fullName.trim()}: ${firstLine(failureMessages[0])}`);
  });
}

function firstLine(text) {
  return text ? text.split("\n")[0].slice(0, 300) : "see its output above";
}
