import { expect, test } from "vitest";
import { duration } from "../../components/profiles.ts";

test.each([
  [0, "0s"],
  [0.5, "500ms"],
  [1.7, "1.7s"],
  [5, "5s"],
  [60, "1m0s"],
  [90, "1m30s"],
  [3600, "1h0m0s"],
  [3661, "1h1m1s"],
])("%d seconds are written %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
