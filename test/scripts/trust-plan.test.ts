import { expect, test } from "vitest";
import { explainTrust, trustPlan } from "../../scripts/trust-plan.mjs";

const args = { platform: "linux", home: "/home/me", name: "django-stack-prod", file: "/tmp/ca.crt" };
const has = (folder: string) => (path: string) => path === folder;

test("Debian's store takes a file and a command", () => {
  expect(trustPlan({ ...args, exists: has("/usr/local/share/ca-certificates") })).toEqual({
    store: "/usr/local/share/ca-certificates",
    needsRoot: true,
    add: [["install", "-m", "0644", "/tmp/ca.crt", "/usr/local/share/ca-certificates/django-stack-prod.crt"], ["update-ca-certificates"]],
    remove: [
      ["rm", "-f", "/usr/local/share/ca-certificates/django-stack-prod.crt"],
      ["update-ca-certificates", "--fresh"],
    ],
  });
});

test("Fedora's takes the same in another folder", () => {
  const plan = trustPlan({ ...args, exists: has("/etc/pki/ca-trust/source/anchors") });
  expect(plan?.add).toEqual([
    ["install", "-m", "0644", "/tmp/ca.crt", "/etc/pki/ca-trust/source/anchors/django-stack-prod.crt"],
    ["update-ca-trust"],
  ]);
});

test("macOS takes it into the user's own keychain, without root", () => {
  const plan = trustPlan({ ...args, platform: "darwin", exists: () => false });
  expect([plan?.needsRoot, plan?.add]).toEqual([
    false,
    [["security", "add-trusted-cert", "-r", "trustRoot", "-k", "/home/me/Library/Keychains/login.keychain-db", "/tmp/ca.crt"]],
  ]);
});

test("a system that isn't known has no plan", () => {
  expect(trustPlan({ ...args, exists: () => false })).toBeUndefined();
  expect(trustPlan({ ...args, platform: "win32", exists: () => true })).toBeUndefined();
});

test("says what trusting means", () => {
  const text = explainTrust({ stack: "prod", url: "https://movies.localhost", store: "the store" });
  expect(text).toContain("an authority that it made for itself");
  expect(text).toContain("could sign other sites' names");
});
