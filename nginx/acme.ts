import { quoted } from "./quote.ts";

/** Where certificates are asked for, and in whose name. */
export interface AcmeArgs {
  /** URL of the ACME directory. */
  readonly directory: string;
  /** E-mail address that the directory may write to. */
  readonly contact: string | undefined;
  /** Certificate, PEM, of the authority that the directory's own TLS is signed by; undefined for a public one. */
  readonly authority: string | undefined;
}

/** Where nginx keeps its account's key and the certificates that it got; a volume of its own. */
export const acmeStatePath = "/var/lib/acme";

/** Renders how nginx gets its certificates, for the http block; each server names the issuer `site` and the two variables. */
export function renderAcme({ directory, contact, authority }: AcmeArgs): string {
  return [
    "    # nginx asks the directory for a certificate a name, keeps it and renews it; no location is needed for its challenges.",
    "    acme_issuer site {",
    `        uri ${quoted(directory)};`,
    ...(contact === undefined ? [] : [`        contact ${quoted(contact)};`]),
    `        state_path ${acmeStatePath}/${stateFolder(directory)};`,
    ...(authority === undefined ? [] : ["        ssl_trusted_certificate tls/acme-authority.pem;"]),
    "        accept_terms_of_service;",
    "    }",
    "    acme_shared_zone zone=acme:1M;",
    "",
    "    # The stack's own certificate answers until the first one is there: without it every handshake would fail.",
    "    map $acme_certificate $site_certificate {",
    '        "" tls/certificate.pem;',
    "        default $acme_certificate;",
    "    }",
    "    map $acme_certificate_key $site_certificate_key {",
    '        "" tls/key.pem;',
    "        default $acme_certificate_key;",
    "    }",
    "",
    "",
  ].join("\n");
}

/** Returns the folder of one directory's state: another one's certificates must not be taken for its own. */
function stateFolder(directory: string): string {
  const { host, pathname } = new URL(directory);
  return `${host}${pathname}`.replace(/[^a-z0-9.]+/gi, "-").replace(/-$/, "");
}
