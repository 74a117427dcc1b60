import { describe, expect, test } from "vitest";
import { certificateProblems, lastDay } from "../certificate-check.ts";
import { signedCertificate } from "./support/certificates.ts";

const names = ["movies.example", "www.movies.example"];
const good = signedCertificate(names);
const other = signedCertificate(names);
const wildcard = signedCertificate(["*.movies.example"]);
const today = new Date();
const day = (date: Date) => date.toISOString().slice(0, 10);
const later = new Date(Date.now() + 400 * 86_400_000);
const earlier = new Date(Date.now() - 400 * 86_400_000);

test("finds nothing wrong with a chain and its key, nor with a certificate alone", () => {
  expect(certificateProblems({ certificate: good.chain, privateKey: good.privateKey }, names, today)).toEqual([]);
  expect(certificateProblems({ certificate: good.leaf, privateKey: good.privateKey }, names, today)).toEqual([]);
  expect(
    certificateProblems({ certificate: wildcard.chain, privateKey: wildcard.privateKey }, ["www.movies.example", "*.movies.example"], today),
  ).toEqual([]);
});

test("tells the last day", () => expect(lastDay(good.chain)).toBe(day(new Date(Date.now() + 90 * 86_400_000))));

const cases: [string, { certificate?: string; privateKey?: string }, readonly string[], Date, string[]][] = [
  ["the key of another certificate", { privateKey: other.privateKey }, names, today, ["tls.privateKey: the key of another certificate; the one of movies.example"]],
  ["an expired one", {}, names, later, [`tls.certificate: one that expired on ${lastDay(good.chain)}; one that is valid today`]],
  ["one of the future", {}, names, earlier, [`tls.certificate: one that is valid from ${day(today)} on; one that is valid today`]],
  ["a name that it doesn't cover", {}, ["movies.example", "films.example"], today, ["tls.certificate: one for movies.example, www.movies.example; one for every name of the site"]],
  ["a wildcard for the bare name", { certificate: wildcard.chain, privateKey: wildcard.privateKey }, ["movies.example"], today, ["tls.certificate: one for *.movies.example; one for every name of the site"]],
  ["single names for all below one", {}, ["movies.example", "*.movies.example"], today, ["tls.certificate: one for movies.example, www.movies.example; one for every name of the site"]],
  ["the wrong order", { certificate: good.authority + good.leaf }, names, today, [
    "tls.certificate: Test Authority, signed by Test Authority, and then movies.example; the site's certificate first, each followed by the one that signed it",
    "tls.certificate: Test Authority, an authority's, as the first one; the site's own certificate first",
    "tls.certificate: one for no name; one for every name of the site",
    "tls.privateKey: the key of another certificate; the one of Test Authority",
  ]],
  ["another authority's certificate behind it", { certificate: good.leaf + other.authority }, names, today, [
    "tls.certificate: movies.example, signed by Test Authority, and then Test Authority; the site's certificate first, each followed by the one that signed it",
  ]],
  ["an encrypted key", { privateKey: good.encryptedKey }, names, today, ["tls.privateKey: an encrypted key; an unencrypted private key, PEM"]],
  ["a certificate for a key", { privateKey: good.leaf }, names, today, ["tls.privateKey: a certificate; an unencrypted private key, PEM"]],
  ["a key for a certificate", { certificate: good.privateKey }, names, today, ["tls.certificate: a private key; PEM certificates"]],
  ["garbage", { certificate: "hello", privateKey: "world" }, names, today, ["tls.certificate: no certificate; PEM certificates", "tls.privateKey: no key; an unencrypted private key, PEM"]],
  ["a broken certificate", { certificate: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" }, names, today, ["tls.certificate: a certificate that can't be read; PEM certificates"]],
  ["a broken key", { privateKey: "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n" }, names, today, ["tls.privateKey: a key that can't be read; an unencrypted private key, PEM"]],
]; // prettier-ignore

describe("refuses", () => {
  test.each(cases)("%s", (_, files, hostnames, now, expected) => {
    const problems = certificateProblems({ certificate: good.chain, privateKey: good.privateKey, ...files }, hostnames, now);
    expect(problems.map(({ key, got, allowed }) => `${key}: ${got}; ${allowed}`)).toEqual(expected);
    for (const { fix } of problems) expect(fix).not.toBe("");
  });
});

test("tells nothing of the key", () => {
  const problems = certificateProblems({ certificate: good.chain, privateKey: `${other.privateKey}${good.encryptedKey}` }, names, today);
  for (const line of good.privateKey.split("\n").slice(1, 3)) expect(JSON.stringify(problems)).not.toContain(line);
});
