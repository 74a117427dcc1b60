import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SignedCertificate {
  /** Site's certificate, then the authority's. */
  readonly chain: string;
  readonly leaf: string;
  readonly authority: string;
  readonly privateKey: string;
  /** The same key under a passphrase. */
  readonly encryptedKey: string;
}

/** Makes an authority and a certificate that it signed for the names, as a public authority's files would be. */
export function signedCertificate(names: readonly string[], days = 90): SignedCertificate {
  const folder = mkdtempSync(join(tmpdir(), "django-stack-certificate-"));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    for (const role of ["authority", "leaf"])
      openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path(`${role}.key`));
    const use = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    openssl("req", "-x509", "-new", "-key", path("authority.key"), "-subj", "/CN=Test Authority", "-days", "3650", ...use, "-out", path("authority"));
    openssl("req", "-new", "-key", path("leaf.key"), "-subj", `/CN=${names[0]}`, "-out", path("request"));
    const alternatives = names.map((name) => `DNS:${name}`).join(",");
    writeFileSync(path("extensions"), `subjectAltName=${alternatives}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n`);
    const authority = ["-CA", path("authority"), "-CAkey", path("authority.key"), "-CAcreateserial"];
    openssl("x509", "-req", "-in", path("request"), ...authority, "-days", String(days), "-extfile", path("extensions"), "-out", path("leaf"));
    openssl("pkey", "-in", path("leaf.key"), "-aes256", "-passout", "pass:secret", "-out", path("leaf.encrypted"));
    const [leaf, authorityText] = [readFileSync(path("leaf"), "utf8"), readFileSync(path("authority"), "utf8")];
    return {
      chain: leaf + authorityText,
      leaf,
      authority: authorityText,
      privateKey: readFileSync(path("leaf.key"), "utf8"),
      encryptedKey: readFileSync(path("leaf.encrypted"), "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
