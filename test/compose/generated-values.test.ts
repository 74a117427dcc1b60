import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GeneratedValues } from "../../compose/generated-values.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "django-stack-values-"))));
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const path = () => join(folder, "values.json");
const passwordType = "random:index/randomPassword:RandomPassword";
const password = (values: GeneratedValues, name = "movies-prod-secret-key-1", length = 64) =>
  values.outputsOf(passwordType, name, { length, special: false });

test("a password is letters and digits of its length, made once and kept", async () => {
  const values = new GeneratedValues(path());
  const { result } = await password(values);
  expect(result).toMatch(/^[A-Za-z0-9]{64}$/);
  expect(await password(values)).toEqual({ result });
  values.save();
  expect(await password(new GeneratedValues(path()))).toEqual({ result });
});

test("each name has its own", async () => {
  const values = new GeneratedValues(path());
  expect((await password(values, "a")).result).not.toBe((await password(values, "b")).result);
});

test("the file is its owner's alone, and as it was where nothing is new", async () => {
  const values = new GeneratedValues(path());
  await password(values);
  values.save();
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  const before = [readFileSync(path(), "utf8"), statSync(path()).ino];
  const again = new GeneratedValues(path());
  await password(again);
  again.save();
  expect([readFileSync(path(), "utf8"), statSync(path()).ino]).toEqual(before);
});

test("a file that was cut isn't taken for an empty one", () => {
  writeFileSync(path(), '{"movies');
  expect(() => new GeneratedValues(path())).toThrow(
    /values\.json holds this stack's passwords and can't be read \(.*\); fix: restore it from a copy$/,
  );
});

test("kinds that no component declares are refused", async () => {
  const values = new GeneratedValues(path());
  await expect(values.outputsOf(passwordType, "a", { length: 8 })).rejects.toThrow("only passwords of letters and digits are made");
  await expect(values.outputsOf("tls:index/privateKey:PrivateKey", "a", { algorithm: "RSA" })).rejects.toThrow(
    "no key of kind RSA undefined is made",
  );
  await expect(values.outputsOf("random:index/randomPet:RandomPet", "a", {})).rejects.toThrow(
    "random:index/randomPet:RandomPet can't be made without Pulumi's provider",
  );
});

describe("certificates", () => {
  /** As components/certificate.ts declares them. */
  async function make(values: GeneratedValues, dnsNames = ["movies.localhost", "www.movies.localhost"]) {
    const key = (name: string) => values.outputsOf("tls:index/privateKey:PrivateKey", name, { algorithm: "ECDSA", ecdsaCurve: "P256" });
    const { privateKeyPem: authorityKey } = await key("authority-key");
    const authority = await values.outputsOf("tls:index/selfSignedCert:SelfSignedCert", "authority", {
      privateKeyPem: authorityKey,
      subject: { commonName: "movies.localhost local authority" },
      isCaCertificate: true,
      validityPeriodHours: 87_600,
      earlyRenewalHours: 8_760,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      setSubjectKeyId: true,
    });
    const { privateKeyPem } = await key("key");
    const request = await values.outputsOf("tls:index/certRequest:CertRequest", "request", {
      privateKeyPem,
      subject: { commonName: dnsNames[0] },
      dnsNames,
    });
    const leaf = await values.outputsOf("tls:index/locallySignedCert:LocallySignedCert", "leaf", {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: authorityKey,
      caCertPem: authority.certPem,
      validityPeriodHours: 8_760,
      earlyRenewalHours: 1_440,
      allowedUses: ["digital_signature", "server_auth"],
    });
    return { authority, leaf, privateKeyPem };
  }
  const days = (certificate: X509Certificate) => (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;

  test("an authority of ten years signs a year's certificate for every name, with a P-256 key", async () => {
    const { authority, leaf, privateKeyPem } = await make(new GeneratedValues(path()));
    const [ca, certificate] = [authority, leaf].map(({ certPem }) => new X509Certificate(certPem));
    expect([ca.ca, ca.subject, days(ca)]).toEqual([true, "CN=movies.localhost local authority", 3650]);
    expect([certificate.ca, certificate.subject, days(certificate)]).toEqual([false, "CN=movies.localhost", 365]);
    expect(certificate.subjectAltName).toBe("DNS:movies.localhost, DNS:www.movies.localhost");
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect([certificate.checkIssued(ca), certificate.verify(ca.publicKey), ca.verify(ca.publicKey)]).toEqual([true, true, true]);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(privateKeyPem).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n/);
    expect(leaf.validityEndTime.slice(0, 10)).toBe(new Date(certificate.validTo).toISOString().slice(0, 10));
    expect(leaf.certPem.endsWith("-----END CERTIFICATE-----\n")).toBe(true);
  });

  test("stay until other names are wanted, or the last 60 days begin; the authority stays", async () => {
    const values = new GeneratedValues(path());
    const first = await make(values);
    expect(await make(values)).toEqual(first);
    const renamed = await make(values, ["films.localhost"]);
    expect(renamed.leaf.certPem).not.toBe(first.leaf.certPem);
    expect([renamed.authority, renamed.privateKeyPem]).toEqual([first.authority, first.privateKeyPem]);
    const second = await make(values);
    vi.useFakeTimers({ now: Date.now() + 304 * 86_400_000, toFake: ["Date"] });
    expect((await make(values)).leaf).toEqual(second.leaf);
    vi.setSystemTime(Date.now() + 2 * 86_400_000);
    const later = await make(values);
    expect(later.leaf.certPem).not.toBe(second.leaf.certPem);
    expect(later.authority).toEqual(first.authority);
  });
});
