import { X509Certificate } from "node:crypto";
import { certificateProblems } from "./certificate-check.ts";
import type { Settings } from "./config.ts";
import { problem } from "./config-problem.ts";
import type { AcmeArgs } from "./nginx/acme.ts";
import { readPem } from "./own-files.ts";

/** Returns what is wrong with where TLS ends and with its certificates, one line a problem; the arguments are those of crossChecks. */
export function tlsChecks(values: Settings, given: Record<string, unknown>, folder: string): string[] {
  const { tls, httpsPort, environment, trustedProxies } = values;
  const { mode } = tls;
  const problems: string[] = [];
  const ends = mode === "self-signed" || mode === "provided" || mode === "acme";
  if (!ends && httpsPort !== undefined && given.httpsPort === undefined) {
    problems.push(problem("tls.mode", mode, `${mode} only with httpsPort none`, "set httpsPort to none"));
  } else if (ends === (httpsPort === undefined)) {
    problems.push(problem("httpsPort", httpsPort ?? "none", ends ? `a port with tls.mode ${mode}` : `none with tls.mode ${mode}`));
  }
  if (environment === "prod" && mode === "off" && !onLoopback(values)) {
    problems.push(
      problem(
        "tls.mode",
        "off",
        "self-signed, provided, acme or outer, or off with bindAddress 127.0.0.1, where environment is prod",
        "passwords would cross the network in clear",
      ),
    );
  }
  if (trustedProxies.includes("host") && !onLoopback(values)) {
    problems.push(
      problem(
        "trustedProxies",
        trustedProxies,
        "host only with bindAddress 127.0.0.1, for otherwise visitors may come from Docker's own address too",
        "set bindAddress to 127.0.0.1, or give the proxy's own address",
      ),
    );
  }
  if (mode === "outer" && trustedProxies.length === 0) {
    problems.push(
      problem("trustedProxies", [], "at least one address or range with tls.mode outer", "give the addresses of the proxy that ends TLS"),
    );
  }
  for (const key of ["certificate", "privateKey"] as const) {
    const value = tls[key];
    if (mode === "provided" && value === undefined) problems.push(problem(`tls.${key}`, "none", "a path or a PEM text with tls.mode provided"));
    if (mode !== "provided" && value !== undefined) {
      problems.push(problem(`tls.${key}`, "a value", `none with tls.mode ${mode}`, "set tls.mode to provided, or remove it"));
    }
    if (mode === "provided" && value !== undefined && readPem(value, folder) === undefined) {
      // A key's text that lost its first line looks like a path.
      const shown = key === "privateKey" && value.length > 100 ? "[secret]" : value;
      problems.push(problem(`tls.${key}`, shown, "a file that can be read; it isn't there", "correct the path: it begins at the checkout"));
    }
  }
  if (mode === "acme") problems.push(...acmeChecks(values, folder));
  const provided = mode === "provided" ? providedCertificate(values, folder) : undefined;
  if (provided !== undefined) {
    const names = [values.domain, ...values.aliases, ...values.redirects];
    for (const { key, got, allowed, fix } of certificateProblems(provided, names, new Date())) {
      problems.push(`${key}: got ${got}; allowed: ${allowed}; fix: ${fix}`);
    }
  }
  return problems;
}

/** Names that no public authority signs for: RFC 6761, 6762, 8375, 9476, and ICANN's .internal. */
const privateNames = /(^|\.)(localhost|local|test|example|invalid|internal|onion|home\.arpa|alt)$/;

function acmeChecks(values: Settings, folder: string): string[] {
  const { acme } = values.tls;
  const problems: string[] = [];
  if (values.app.server === "runserver")
    problems.push(problem("tls.mode", "acme", "another mode with app.server runserver", "nginx would ask for a certificate for localhost"));
  for (const name of values.aliases.filter((alias) => alias.startsWith("*.")))
    problems.push(problem("aliases", name, "single names with tls.mode acme", "list each one: a directory looks for its proof at every name"));
  if (acme.authority !== undefined) {
    const authority = readPem(acme.authority, folder);
    if (authority === undefined)
      problems.push(
        problem("tls.acme.authority", acme.authority, "a file that can be read; it isn't there", "correct the path: it begins at the checkout"),
      );
    // nginx's module dies without a word of a file that it can't use.
    else if (!isCertificate(authority)) problems.push(problem("tls.acme.authority", "no certificate", "a certificate, PEM"));
  }
  if (acme.directory !== undefined) {
    if (acme.production)
      problems.push(problem("tls.acme.production", true, "false with tls.acme.directory", "it chooses between Let's Encrypt's two"));
    return problems;
  }
  for (const [key, names] of Object.entries({ domain: [values.domain], aliases: values.aliases, redirects: values.redirects })) {
    for (const name of names) {
      if (!name.includes(".") || privateNames.test(name))
        problems.push(problem(key, name, "a public name with tls.mode acme", "register one, or set tls.mode to self-signed"));
    }
  }
  if (values.httpPort !== 80)
    problems.push(problem("httpPort", values.httpPort, "80 with tls.mode acme", "Let's Encrypt asks for its proof on port 80"));
  if (onLoopback(values))
    problems.push(problem("bindAddress", values.bindAddress, "an address that Let's Encrypt reaches with tls.mode acme", "remove it"));
  return problems;
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== "";
  } catch {
    return false;
  }
}

function onLoopback({ bindAddress }: Pick<Settings, "bindAddress">): boolean {
  return bindAddress.every((address) => address === "::1" || address.startsWith("127."));
}

/** Returns the certificate and key of tls.mode provided, PEM; undefined in other modes and where one can't be read. */
export function providedCertificate({ tls }: Pick<Settings, "tls">, folder: string): { certificate: string; privateKey: string } | undefined {
  if (tls.mode !== "provided") return undefined;
  const certificate = readPem(tls.certificate, folder);
  const privateKey = readPem(tls.privateKey, folder);
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

/** Let's Encrypt's two ACME directories. */
export const letsEncrypt = {
  production: "https://acme-v02.api.letsencrypt.org/directory",
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** Returns where nginx gets its certificates with tls.mode acme; undefined in other modes. */
export function acmeOf({ tls }: Pick<Settings, "tls">, folder: string): AcmeArgs | undefined {
  if (tls.mode !== "acme") return undefined;
  const { production, directory, contact, authority } = tls.acme;
  return {
    directory: directory ?? letsEncrypt[production ? "production" : "staging"],
    contact,
    authority: readPem(authority, folder),
  };
}
