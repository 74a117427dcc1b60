import { describe, expect, test } from "vitest";
import { errorOf } from "./support/load-config.ts";

describe("traffic: refuses", () => {
  test.each([
    ["a path that nginx serves by itself", { access: { paths: { "/static/x/": { allow: ["10.0.0.1"] } } } }, 'access.paths: got {"/static/x/":{"allow":["10.0.0.1"]}}; allowed: paths such as /admin/, each with { allow: [addresses], deny: [addresses] }; fix: leave out /static/x/: nginx serves it by itself'],
    ["the whole site as a path", { access: { paths: { "/": { deny: ["10.0.0.1"] } } } }, 'access.paths: got {"/":{"deny":["10.0.0.1"]}}; allowed: paths such as /admin/, each with { allow: [addresses], deny: [addresses] }; fix: give "/" a path of the site; access.allow and access.deny are for all of it'],
    ["a path that leaves its directive", { access: { paths: { "/a {": { allow: [] } } } }, 'access.paths: got {"/a {":{"allow":[]}}; allowed: paths such as /admin/, each with { allow: [addresses], deny: [addresses] }'],
    ["a list that is none", { access: { paths: { "/admin/": { only: ["10.0.0.1"] } } } }, 'access.paths: got {"/admin/":{"only":["10.0.0.1"]}}; allowed: paths such as /admin/, each with { allow: [addresses], deny: [addresses] }; fix: remove only from /admin/'],
    ["a password of one's own", { basicAuth: { username: "staging", password: "x" } }, 'basicAuth: got {"username":"staging","password":"x"}; allowed: none, or { username }; fix: remove password; the password is made by the stack, and an output'],
    ["a cookie that is none", { cache: { sessionCookies: ["session;id"] } }, 'cache.sessionCookies: got ["session;id"]; allowed: a list of cookie names of letters, digits, _, - and .'],
    ["a path that isn't one", { cache: { exceptPaths: ["admin"] } }, 'cache.exceptPaths: got ["admin"]; allowed: a list of paths that start with /, of letters, digits and ._~-'],
    ["a path that climbs", { limits: { loginPaths: ["/a/../b"] } }, 'limits.loginPaths: got ["/a/../b"]; allowed: a list of paths that start with /, of letters, digits and ._~-, * for any one part'],
    ["a star in a part", { limits: { loginPaths: ["/a*/b"] } }, 'limits.loginPaths: got ["/a*/b"]; allowed: a list of paths that start with /, of letters, digits and ._~-, * for any one part'],
    ["a robots.txt that isn't there", { robots: "robots.txt" }, 'robots: got "robots.txt"; allowed: a file that can be read; it isn\'t there; fix: correct the path: it begins at the checkout'],
    ["a snippet that isn't there", { nginx: { serverSnippet: "mine.conf" } }, 'nginx.serverSnippet: got "mine.conf"; allowed: a file that can be read; it isn\'t there; fix: correct the path: it begins at the checkout'],
    ["a private folder that climbs", { privateMedia: "../.." }, 'privateMedia: got "../.."; allowed: a folder name of letters, digits, - and _, or none'],
    ["a balancing that isn't there", { nginx: { balancing: "random" } }, 'nginx.balancing: got "random"; allowed: least_conn, round_robin, ip_hash'],
    ["lists of addresses that nginx never sees", { access: { deny: ["203.0.113.7", "2001:db8::/32"] } }, 'access.deny: got ["2001:db8::/32"]; allowed: addresses of IPv4 without ipv6ClientAddresses, for nginx doesn\'t see those of IPv6; fix: set ipv6ClientAddresses to true, or remove them'],
    ["such lists of a part of the site", { access: { paths: { "/admin/": { allow: ["2001:db8::7"] } } } }, 'access.paths: got ["2001:db8::7"]; allowed: addresses of IPv4 without ipv6ClientAddresses, for nginx doesn\'t see those of IPv6; fix: set ipv6ClientAddresses to true, or remove them'],
    ["addresses of clients that can't come", { ipv6ClientAddresses: true, bindAddress: "0.0.0.0" }, 'ipv6ClientAddresses: got true; allowed: false where bindAddress has no address of IPv6; fix: add "::" to bindAddress'],
    ["a rate of nothing", { limits: { requestsPerSecond: 0 } }, "limits.requestsPerSecond: got 0; allowed: a whole number from 1 to 100000, or none"],
  ])("%s", async (_, config, expected) => {
    expect(await errorOf("prod", config)).toBe(`config of stack prod (Pulumi.prod.yaml) has 1 problem; nothing was touched:\n  ${expected}`);
  }); // prettier-ignore
});

test.each([
  ["nginx gets the addresses of clients", { ipv6ClientAddresses: true }],
  ["a proxy tells them", { trustedProxies: ["192.0.2.1"] }],
  ["nobody comes over IPv6", { bindAddress: "0.0.0.0" }],
])("takes lists of addresses of IPv6 where %s", async (_, config) => {
  expect(await errorOf("prod", { ...config, access: { deny: ["2001:db8::/32"] } })).toBe("no error");
});
