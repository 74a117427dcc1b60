import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrapSecret } from "../../compose/mock-runtime.ts";

/** Does with openssl what the tls provider does. */
export function openssl(type: string, inputs: Record<string, any>): Record<string, unknown> {
  const folder = mkdtempSync(join(tmpdir(), "container-stack-tls-"));
  const file = (name: string, content?: string) => {
    if (content !== undefined) writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const run = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  try {
    if (type.endsWith(":PrivateKey")) return { privateKeyPem: wrapSecret(run("ecparam", "-name", "prime256v1", "-genkey", "-noout")) };
    const subject = `/CN=${inputs.subject?.commonName ?? ""}`;
    if (type.endsWith(":SelfSignedCert")) {
      const days = String(inputs.validityPeriodHours / 24);
      return {
        certPem: run(
          "req",
          "-x509",
          "-new",
          "-key",
          file("key", inputs.privateKeyPem),
          "-subj",
          subject,
          "-days",
          days,
          "-addext",
          "keyUsage=keyCertSign,cRLSign",
        ),
      };
    }
    const names = (inputs.dnsNames ?? []).map((name: string) => `DNS:${name}`).join(",");
    if (type.endsWith(":CertRequest")) {
      return {
        certRequestPem: run("req", "-new", "-key", file("key", inputs.privateKeyPem), "-subj", subject, "-addext", `subjectAltName=${names}`),
      };
    }
    const days = inputs.validityPeriodHours / 24;
    const requestPath = file("request", inputs.certRequestPem);
    const wanted = /DNS:[^\n]+/.exec(run("req", "-in", requestPath, "-noout", "-text"))?.[0] ?? "";
    const extensions = file("extensions", `subjectAltName=${wanted}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n`);
    const authority = ["-CA", file("ca", inputs.caCertPem), "-CAkey", file("ca-key", inputs.caPrivateKeyPem), "-CAcreateserial"];
    run("x509", "-req", "-in", requestPath, ...authority, "-days", String(days), "-extfile", extensions, "-out", file("leaf"));
    return { certPem: readFileSync(file("leaf"), "utf8"), validityEndTime: new Date(Date.now() + days * 86_400_000).toISOString() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
