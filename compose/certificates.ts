// x509 finds its parts by decorators that need this.
import "reflect-metadata";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** What the tls provider's resources answer with; `validityEndTime` is an ISO 8601 time. */
export interface CertificateOutputs {
  readonly privateKeyPem?: string;
  readonly certRequestPem?: string;
  readonly certPem?: string;
  readonly validityEndTime?: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/**
 * Makes the key, request or certificate that a resource of @pulumi/tls declares.
 *
 * @param type the resource's type, such as `tls:index/privateKey:PrivateKey`.
 * @param inputs its inputs, secrets revealed.
 * @throws Error on a kind of key or use that no component declares.
 */
export async function makeCertificate(type: string, inputs: Readonly<Record<string, any>>): Promise<CertificateOutputs> {
  switch (type) {
    case "tls:index/privateKey:PrivateKey": {
      if (inputs.algorithm !== "ECDSA" || inputs.ecdsaCurve !== "P256")
        throw new Error(`no key of kind ${inputs.algorithm} ${inputs.ecdsaCurve} is made`);
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: algorithm.namedCurve });
      return { privateKeyPem: privateKey.export({ type: "sec1", format: "pem" }) as string };
    }
    case "tls:index/selfSignedCert:SelfSignedCert": {
      const validity = validityOf(inputs);
      const keys = await keyPair(inputs.privateKeyPem);
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: commonName(inputs.subject.commonName),
        ...validity,
        signingAlgorithm: algorithm,
        keys,
        extensions: [
          new x509.BasicConstraintsExtension(inputs.isCaCertificate === true, undefined, true),
          ...usesOf(inputs.allowedUses),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return { certPem: pem(certificate), validityEndTime: validity.notAfter.toISOString() };
    }
    case "tls:index/certRequest:CertRequest": {
      const names = inputs.dnsNames.map((value: string) => ({ type: "dns", value }));
      const request = await x509.Pkcs10CertificateRequestGenerator.create({
        name: commonName(inputs.subject.commonName),
        signingAlgorithm: algorithm,
        keys: await keyPair(inputs.privateKeyPem),
        extensions: [new x509.SubjectAlternativeNameExtension(names)],
      });
      return { certRequestPem: pem(request) };
    }
    case "tls:index/locallySignedCert:LocallySignedCert": {
      const validity = validityOf(inputs);
      const request = new x509.Pkcs10CertificateRequest(inputs.certRequestPem);
      const authority = new x509.X509Certificate(inputs.caCertPem);
      const authorityKeys = await keyPair(inputs.caPrivateKeyPem);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: request.subjectName.toJSON(),
        issuer: authority.subjectName.toJSON(),
        ...validity,
        signingAlgorithm: algorithm,
        publicKey: request.publicKey,
        signingKey: authorityKeys.privateKey,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          ...usesOf(inputs.allowedUses),
          ...request.extensions.filter((extension) => extension instanceof x509.SubjectAlternativeNameExtension),
          await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
        ],
      });
      return { certPem: pem(certificate), validityEndTime: validity.notAfter.toISOString() };
    }
    default:
      throw new Error(`${type} can't be made without Pulumi's provider`);
  }
}

const commonName = (name: string) => [{ CN: [name] }];

const pem = (made: { toString(format: "pem"): string }) => `${made.toString("pem")}\n`;

function validityOf({ validityPeriodHours }: Readonly<Record<string, any>>): { notBefore: Date; notAfter: Date } {
  // Certificates count in whole seconds.
  const now = Math.floor(Date.now() / 1000) * 1000;
  return { notBefore: new Date(now), notAfter: new Date(now + validityPeriodHours * 3_600_000) };
}

function usesOf(names: readonly string[]): x509.Extension[] {
  const keyUses: Record<string, number> = {
    cert_signing: x509.KeyUsageFlags.keyCertSign,
    crl_signing: x509.KeyUsageFlags.cRLSign,
    digital_signature: x509.KeyUsageFlags.digitalSignature,
  };
  const extendedUses: Record<string, string> = { server_auth: x509.ExtendedKeyUsage.serverAuth };
  const unknown = names.filter((name) => !(name in keyUses) && !(name in extendedUses));
  if (unknown.length > 0) throw new Error(`no certificate is made for the use ${unknown.join(", ")}`);
  const extended = names.flatMap((name) => extendedUses[name] ?? []);
  return [
    new x509.KeyUsagesExtension(
      names.reduce((flags, name) => flags | (keyUses[name] ?? 0), 0),
      true,
    ),
    ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
  ];
}

async function keyPair(privateKeyPem: string): Promise<CryptoKeyPair> {
  const key = createPrivateKey(privateKeyPem);
  const { subtle } = globalThis.crypto;
  const privateKey = await subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), algorithm, false, ["sign"]);
  const publicKey = await subtle.importKey("spki", createPublicKey(key).export({ type: "spki", format: "der" }), algorithm, true, ["verify"]);
  return { privateKey, publicKey };
}
