import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";

export interface CertificateFiles {
  /** PEM of the site's certificate and of those that signed it. */
  readonly certificate: string;
  /** PEM of its private key. */
  readonly privateKey: string;
}

/** One thing that is wrong with a certificate or key, in the words of a config error. */
export interface CertificateProblem {
  readonly key: "tls.certificate" | "tls.privateKey";
  readonly got: string;
  readonly allowed: string;
  readonly fix: string;
}

/**
 * Returns what is wrong with a certificate chain and its key; an empty list for a pair that nginx can serve for these names.
 *
 * It tells nothing of the key but its kind.
 */
export function certificateProblems({ certificate, privateKey }: CertificateFiles, hostnames: readonly string[], now: Date): CertificateProblem[] {
  const chain = readChain(certificate);
  const key = readKey(privateKey);
  if ("got" in chain) return "got" in key ? [chain, key] : [chain];
  const problems: CertificateProblem[] = [];
  const [leaf] = chain.certificates;
  const about = (got: string, allowed: string, fix: string) => problems.push({ key: "tls.certificate", got, allowed, fix });
  for (const [index, { subject, issuer }] of chain.certificates.entries()) {
    const next = chain.certificates[index + 1];
    if (next !== undefined && !chain.certificates[index].checkIssued(next)) {
      about(
        `${name(subject)}, signed by ${name(issuer)}, and then ${name(next.subject)}`,
        "the site's certificate first, each followed by the one that signed it",
        "put them in that order, as in fullchain.pem",
      );
      break;
    }
  }
  if (leaf.ca && chain.certificates.length > 1) {
    about(`${name(leaf.subject)}, an authority's, as the first one`, "the site's own certificate first", "put it before those that signed it");
  }
  const from = new Date(leaf.validFrom);
  const to = new Date(leaf.validTo);
  if (to <= now) about(`one that expired on ${day(to)}`, "one that is valid today", "renew it");
  else if (from > now) about(`one that is valid from ${day(from)} on`, "one that is valid today", "wait, or set this machine's clock");
  const covers = (hostname: string) => leaf.checkHost(hostname.replace(/^\*/, "any-name"), { subject: "never" }) !== undefined;
  const uncovered = hostnames.filter((hostname) => !covers(hostname));
  if (uncovered.length > 0) {
    const covered = leaf.subjectAltName?.replaceAll("DNS:", "") ?? "no name";
    about(
      `one for ${covered}`,
      "one for every name of the site",
      `get one that covers ${uncovered.join(", ")} too, or take the name out of the config`,
    );
  }
  if ("got" in key) problems.push(key);
  else if (!leaf.checkPrivateKey(key.key)) {
    problems.push({
      key: "tls.privateKey",
      got: "the key of another certificate",
      allowed: `the one of ${name(leaf.subject)}`,
      fix: "give the key that the certificate was requested with",
    });
  }
  return problems;
}

/** Returns the last day of a chain's first certificate, as in `2027-11-21`. */
export function lastDay(certificate: string): string {
  return day(new Date(new X509Certificate(certificate).validTo));
}

function readChain(text: string): { readonly certificates: readonly X509Certificate[] } | CertificateProblem {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const problem = { key: "tls.certificate", allowed: "PEM certificates", fix: "give the file that your authority calls fullchain.pem" } as const;
  if (blocks.length === 0) return { ...problem, got: /PRIVATE KEY/.test(text) ? "a private key" : "no certificate" };
  try {
    return { certificates: blocks.map((block) => new X509Certificate(block)) };
  } catch {
    return { ...problem, got: "a certificate that can't be read" };
  }
}

function readKey(text: string): { readonly key: KeyObject } | CertificateProblem {
  const problem = {
    key: "tls.privateKey",
    allowed: "an unencrypted private key, PEM",
    fix: "give the file that your authority calls privkey.pem",
  } as const;
  if (/ENCRYPTED/.test(text)) return { ...problem, got: "an encrypted key", fix: "decrypt it: openssl pkey -in encrypted.pem -out key.pem" };
  if (!/PRIVATE KEY-----/.test(text)) return { ...problem, got: /BEGIN CERTIFICATE/.test(text) ? "a certificate" : "no key" };
  try {
    return { key: createPrivateKey(text) };
  } catch {
    return { ...problem, got: "a key that can't be read" };
  }
}

/** Returns the common name of a subject, or the whole of it. */
function name(subject: string): string {
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? subject.replaceAll("\n", ", ");
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
