import { expect, test } from "vitest";
import { Certificate } from "../../components/certificate.ts";
import { componentResources } from "../support/component.ts";

const resourcesOf = (hostnames: readonly string[]) =>
  componentResources(() => new Certificate("movies-prod-certificate", { stack: "movies-prod", hostnames }));

test("an authority of the stack's own signs a certificate for every name", async () => {
  const long = `${"a".repeat(60)}.example`;
  const resources = await resourcesOf([long, "www.movies.example"]);
  expect(Object.fromEntries(Object.entries(resources).map(([key, { inputs }]) => [key, inputs]))).toEqual({
    "LocallySignedCert movies-prod-certificate-leaf": {
      certRequestPem: "request\n",
      caPrivateKeyPem: "key of movies-prod-certificate-authority-key\n",
      caCertPem: "authority\n",
      validityPeriodHours: 8760,
      earlyRenewalHours: 1440,
      allowedUses: ["digital_signature", "server_auth"],
    },
    "PrivateKey movies-prod-certificate-authority-key": { algorithm: "ECDSA", ecdsaCurve: "P256" },
    "PrivateKey movies-prod-certificate-key": { algorithm: "ECDSA", ecdsaCurve: "P256" },
    "CertRequest movies-prod-certificate-request": {
      privateKeyPem: "key of movies-prod-certificate-key\n",
      subject: { commonName: long.slice(0, 64) },
      dnsNames: [long, "www.movies.example"],
    },
    "SelfSignedCert movies-prod-certificate-authority": {
      privateKeyPem: "key of movies-prod-certificate-authority-key\n",
      subject: { commonName: "movies-prod local authority" },
      isCaCertificate: true,
      validityPeriodHours: 87600,
      earlyRenewalHours: 8760,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      setSubjectKeyId: true,
    },
  });
});

test("another domain leaves the authority that visitors may trust as it is", async () => {
  const before = await resourcesOf(["movies.example"]);
  const after = await resourcesOf(["films.example", "movies.example"]);
  const ofAuthority = (resources: typeof before) => Object.entries(resources).filter(([key]) => key.includes("-authority"));
  expect(ofAuthority(before)).toHaveLength(2);
  expect(ofAuthority(after)).toEqual(ofAuthority(before));
});
