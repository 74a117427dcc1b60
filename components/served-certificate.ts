import { X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { warningDays } from "./certificate.ts";
import { DockerError, lastLines, type DockerCommand } from "./docker-engine.ts";

/** A site's certificate as clients meet it. */
export interface Served {
  readonly docker: DockerCommand;
  /** Name of nginx's container. */
  readonly container: string;
}

/**
 * Checks that nginx serves the certificate that lies on its volume.
 *
 * @param hostname a name that the certificate is for.
 * @throws Error with both serial numbers when it serves another one.
 */
export async function requireServedCertificate(served: Served, hostname: string): Promise<void> {
  const [wanted, got] = [await storedCertificate(served), await servedCertificate(served, hostname)];
  if (got?.serialNumber !== wanted?.serialNumber) {
    throw new Error(`nginx serves certificate ${got?.serialNumber ?? "none"}, and the one on its volume is ${wanted?.serialNumber ?? "none"}`);
  }
}

export interface AcmeNamesArgs extends Served {
  /** Every name that nginx gets a certificate for. */
  readonly hostnames: readonly string[];
  /** How long to wait for certificates that aren't there yet. @default 30_000, they take some seconds */
  readonly patienceMilliseconds?: number;
}

/** Waits until an ACME directory has given a certificate for every name; returns a warning for each that it hasn't by then. */
export async function awaitAcmeCertificates({ hostnames, patienceMilliseconds = 30_000, ...served }: AcmeNamesArgs): Promise<string[]> {
  const standIn = (await storedCertificate(served))?.serialNumber;
  const end = Date.now() + patienceMilliseconds;
  let waiting = hostnames;
  for (;;) {
    const missing: string[] = [];
    for (const hostname of waiting) {
      const serial = (await servedCertificate(served, hostname))?.serialNumber;
      if (serial === undefined || serial === standIn) missing.push(hostname);
    }
    waiting = missing;
    if (waiting.length === 0) return [];
    if (Date.now() >= end) break;
    await sleep(Math.min(1000, patienceMilliseconds));
  }
  const { stderr } = await served.docker("logs", "--since", new Date(Date.now() - 3_600_000).toISOString(), served.container);
  return waiting.map((hostname) => {
    const words = lastLines(
      stderr
        .split("\n")
        .filter((line) => /\[(warn|error|emerg)\]/.test(line) && (/acme/i.test(line) || line.includes(hostname)))
        .join("\n"),
      2,
    );
    return `${hostname} waits for its certificate; until then browsers warn of the one that nginx serves, and nginx asks again every 15 minutes. ${words === "" ? `See docker logs ${served.container}` : `Its last words: ${words}`}`;
  });
}

export interface CertificateWarningsArgs extends Served {
  readonly hostnames: readonly string[];
  /** Whether nginx gets the certificates by itself. */
  readonly acme: boolean;
}

/** Returns what is wrong with the certificates that a running site serves now, one line each; nothing where no nginx runs. */
export async function certificateWarnings({ hostnames, acme, ...served }: CertificateWarningsArgs): Promise<string[]> {
  try {
    if (!acme) {
      return await requireServedCertificate(served, hostnames[0]).then(
        () => [],
        (error: Error) => {
          if (error instanceof DockerError) throw error;
          return [`${error.message}; fix: docker restart ${served.container}`];
        },
      );
    }
    const warnings: string[] = [];
    for (const hostname of hostnames) {
      const certificate = await servedCertificate(served, hostname);
      const days = certificate === undefined ? 0 : Math.floor((Date.parse(certificate.validTo) - Date.now()) / 86_400_000);
      if (certificate !== undefined && days < warningDays)
        warnings.push(`the certificate of ${hostname} ends in ${days} days and nginx hasn't renewed it; see docker logs ${served.container}`);
    }
    return warnings;
  } catch (error) {
    if (error instanceof DockerError) return [];
    throw error;
  }
}

async function storedCertificate({ docker, container }: Served): Promise<X509Certificate | undefined> {
  return firstCertificate((await docker("exec", container, "cat", "/etc/nginx/stack/current/tls/certificate.pem")).stdout);
}

async function servedCertificate({ docker, container }: Served, hostname: string): Promise<X509Certificate | undefined> {
  // Static files are nginx's own: Django hears nothing of it. --insecure: what is served is looked at, not believed.
  const patience = ["--max-time", "5", "--retry", "3", "--retry-delay", "1", "--retry-all-errors"];
  const request = ["--silent", "--insecure", "--head", "--output", "/dev/null", ...patience, `https://${hostname}:8443/static/`];
  const { stdout } = await docker("exec", container, "curl", "--resolve", `${hostname}:8443:127.0.0.1`, "--write-out", "%{certs}", ...request);
  return firstCertificate(stdout);
}

function firstCertificate(text: string): X509Certificate | undefined {
  const [first] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text) ?? [];
  return first === undefined ? undefined : new X509Certificate(first);
}
