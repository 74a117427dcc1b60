import { describe, expect, test } from "vitest";
import { browserPlan, browserStores, explainTrust, trustPlan } from "../../scripts/trust-plan.mjs";

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

describe("browsers on Linux", () => {
  const home = "/home/me";
  const stores = (there: string[], profiles: Record<string, string[]> = {}) =>
    browserStores({ home, exists: (path: string) => there.includes(path), list: (folder: string) => profiles[folder] ?? [] });

  test("Chromium's database is the one that it finds first; where there is none, one that every version finds", () => {
    expect(stores([])).toEqual(["/home/me/.pki/nssdb"]);
    expect(stores(["/home/me/.local/share/pki/nssdb"])).toEqual(["/home/me/.local/share/pki/nssdb"]);
    expect(stores(["/home/me/.pki/nssdb", "/home/me/.local/share/pki/nssdb"])).toEqual(["/home/me/.pki/nssdb"]);
  });

  test("each of Firefox' profiles has one, and a snap has its own", () => {
    const there = ["/home/me/snap/chromium/current/.pki/nssdb/cert9.db", "/home/me/.mozilla/firefox/a.default/cert9.db"];
    expect(stores(there, { "/home/me/.mozilla/firefox": ["a.default", "profiles.ini"] })).toEqual([
      "/home/me/.pki/nssdb",
      "/home/me/snap/chromium/current/.pki/nssdb",
      "/home/me/.mozilla/firefox/a.default",
    ]);
  });

  test("NSS' tool makes a database where there is none, and trusts the authority for servers alone", () => {
    const args = { store: "/home/me/.pki/nssdb", name: "django-stack-prod", file: "/tmp/ca.crt" };
    expect(browserPlan({ ...args, exists: () => false })).toEqual({
      make: [
        ["mkdir", "-p", "/home/me/.pki/nssdb"],
        ["certutil", "-N", "-d", "sql:/home/me/.pki/nssdb", "--empty-password"],
      ],
      look: ["certutil", "-L", "-d", "sql:/home/me/.pki/nssdb", "-n", "django-stack-prod"],
      add: ["certutil", "-A", "-d", "sql:/home/me/.pki/nssdb", "-t", "C,,", "-n", "django-stack-prod", "-i", "/tmp/ca.crt"],
      remove: ["certutil", "-D", "-d", "sql:/home/me/.pki/nssdb", "-n", "django-stack-prod"],
    });
    expect(browserPlan({ ...args, exists: () => true }).make).toEqual([]);
  });
});

test("says what trusting means", () => {
  const text = explainTrust({ stack: "prod", url: "https://movies.localhost", key: "docker-compose/prod/values.json" });
  expect(text).toContain("an authority that it made for itself");
  expect(text).toContain("Its key is in docker-compose/prod/values.json: whoever has that could sign other sites' names");
});
