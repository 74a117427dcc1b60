import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const script = readFileSync(join(import.meta.dirname, "../../containers/backup/schedule.sh"), "utf8");
const minute = 60;
const hour = 60 * minute;

/** Time of day, in UTC, that many seconds from now. */
const timeOfDay = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString().slice(11, 16);

/** What the container says first after a start, with times of day and the end of the last proof in seconds from now. */
function firstWords({ times, proven }: { times: readonly number[]; proven: number }): string {
  const folder = mkdtempSync(join(tmpdir(), "django-stack-schedule-"));
  const stubs = `
set -Eeuo pipefail
status_value() { [ "$1" != verified_at ] || echo $(($(date +%s) + PROVEN)); }
set_status() { :; }
say() { echo "$*"; exit; }
`;
  try {
    return execFileSync("bash", ["--norc", "-c", `${stubs}${script.replaceAll("/tmp/", `${folder}/`)}\nserve`], {
      env: { PATH: process.env.PATH, BACKUP_TIMES: times.map(timeOfDay).join(" "), PROVEN: String(proven) },
      encoding: "utf8",
    }).trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("after a start the next backup is that of the schedule, where the last one that was due is there", () => {
  expect(firstWords({ times: [-10 * minute], proven: -8 * minute })).toMatch(/^the next backup begins in 14(29|30) minutes$/);
  expect(firstWords({ times: [2 * hour, -4 * hour], proven: -3 * hour })).toMatch(/^the next backup begins in 1(19|20) minutes$/);
});

test.each([
  ["that was ended while it was made", { times: [-2 * minute], proven: -24 * hour + 3 * minute }],
  ["of several a day", { times: [-2 * hour, -8 * hour, -14 * hour, -20 * hour], proven: -8 * hour + 5 * minute }],
  ["of days ago", { times: [2 * hour], proven: -100 * hour }],
])("one %s is made at once", (_, times) => {
  expect(firstWords(times)).toBe("the next backup begins in 0 minutes");
});
