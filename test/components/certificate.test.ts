import { expect, test } from "vitest";
import { Certificate } from "../../components/certificate.ts";
import { componentResources } from "../support/component.ts";

test("an authority of the stack's own signs a certificate for every name", async () => {
  const long = `${"a".repeat(60)}.example`;
  const resources = await componentResources(() => new Certificate("movies-prod-certificate", { hostnames: [long, "www.movies.example"] }));
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
      subject: { commonName: `${long} local authority`.slice(0, 64) },
      isCaCertificate: true,
      validityPeriodHours: 87600,
      earlyRenewalHours: 8760,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      setSubjectKeyId: true,
    },
  });
});
