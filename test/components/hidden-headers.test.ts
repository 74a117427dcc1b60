import { expect, test } from "vitest";
import { hiddenHeaders } from "../../components/hidden-headers.ts";
import type { HeaderValues } from "../../nginx/headers.ts";
import { headersSettings } from "../../settings/headers.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const defaults = Object.fromEntries(Object.entries(headersSettings).map(([key, { prod }]) => [key, prod])) as unknown as HeaderValues;

const warnings = (headers: readonly string[], values: Partial<HeaderValues> = {}) => {
  const { docker } = fakeDocker([[/^exec abc python -S -c import socket.*GET \/healthz.*Host: movies\.example/s, `${headers.join("\n")}\n`]]);
  const question = { port: 9000, path: "/healthz", host: "movies.example", https: true };
  return hiddenHeaders({ docker, container: "abc", environment: "prod", values: { ...defaults, ...values }, ...question });
};

const own = ["Server: gunicorn", "x-frame-options: SAMEORIGIN", "Content-Security-Policy: script-src 'nonce-1'"];

test("tells each header of Django's that nginx answers with its own default instead, and the way to have Django's", async () => {
  expect(await warnings(own)).toEqual([
    "Django answers /healthz with Content-Security-Policy: script-src 'nonce-1'; visitors get headers.contentSecurityPolicy instead: " +
      `${defaults.contentSecurityPolicy}. Where Django's is to count, name contentSecurityPolicy in headers.fromDjango`,
    "Django answers /healthz with X-Frame-Options: SAMEORIGIN; visitors get headers.frameOptions instead: DENY. " +
      "Where Django's is to count, name frameOptions in headers.fromDjango, and let frame-ancestors in headers.contentSecurityPolicy allow the same",
  ]);
});

test("says nothing of what Django sends by itself, of what only nginx may set, and of what somebody has decided", async () => {
  const usual = ["X-Frame-Options: DENY", "Referrer-Policy: same-origin", "Cross-Origin-Opener-Policy: same-origin"];
  expect(await warnings([...usual, "X-Content-Type-Options: other", "Strict-Transport-Security: max-age=60"])).toEqual([]);
  expect(await warnings(own, { fromDjango: ["frameOptions", "contentSecurityPolicy"] })).toEqual([]);
  expect(await warnings(own, { frameOptions: "ALLOW-FROM https://a.example", contentSecurityPolicy: "off" })).toEqual([]);
  expect(await warnings([])).toEqual([]);
});
