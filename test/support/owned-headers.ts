import { expect } from "vitest";

/** The headers that nginx alone sets, as a .localhost site over TLS sends them on every kind of answer; the policy and the release come on top. */
export const ownedHeaders = {
  "strict-transport-security": "max-age=63072000",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "x-xss-protection": "0",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-permitted-cross-domain-policies": "none",
  "x-dns-prefetch-control": "off",
  "permissions-policy": expect.stringMatching(/^accelerometer=\(\), .*geolocation=\(\)/),
  server: "nginx",
};
