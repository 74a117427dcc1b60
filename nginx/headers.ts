import { quoted } from "./quote.ts";

/** Values of the security headers; the text `off` leaves a header out. */
export interface HeaderValues {
  readonly contentSecurityPolicy: string;
  readonly contentTypeOptions: string;
  readonly crossDomainPolicies: string;
  /** Whether browsers look up names before somebody goes there; sent as `on` or `off`. */
  readonly dnsPrefetch: boolean;
  readonly frameOptions: string;
  readonly openerPolicy: string;
  readonly permissionsPolicy: string;
  readonly referrerPolicy: string;
  readonly resourcePolicy: string;
  /** `auto`: two years with subdomains, on a .localhost name without them. */
  readonly strictTransportSecurity: string;
  readonly xssProtection: string;
}

const names: Readonly<Record<keyof HeaderValues, string>> = {
  contentTypeOptions: "X-Content-Type-Options",
  frameOptions: "X-Frame-Options",
  referrerPolicy: "Referrer-Policy",
  xssProtection: "X-XSS-Protection",
  openerPolicy: "Cross-Origin-Opener-Policy",
  resourcePolicy: "Cross-Origin-Resource-Policy",
  crossDomainPolicies: "X-Permitted-Cross-Domain-Policies",
  dnsPrefetch: "X-DNS-Prefetch-Control",
  permissionsPolicy: "Permissions-Policy",
  contentSecurityPolicy: "Content-Security-Policy",
  strictTransportSecurity: "Strict-Transport-Security",
};

/** Headers that nginx alone sets: what Django sends of them is hidden. */
export const ownedHeaders: readonly string[] = ["X-Release", ...Object.values(names)];

/** What an uploaded file may do: a page or a drawing among them may be shown, but runs no script in the site's name. */
export const mediaPolicy = "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'";

export interface HeadersArgs {
  readonly values: HeaderValues;
  readonly release: string;
  readonly serverNames: readonly string[];
  /** Whether the answer goes to a browser over TLS. */
  readonly secure: boolean;
}

/** Renders the headers of answers, one directive a line; a location that sets any of them must set all of them. */
export function renderHeaders({ values, release, serverNames, secure }: HeadersArgs): string {
  const transport = values.strictTransportSecurity === "auto" ? strictTransportSecurity(serverNames) : values.strictTransportSecurity;
  const all = { ...values, strictTransportSecurity: secure ? transport : "off" };
  const lines = (Object.keys(names) as (keyof HeaderValues)[]).flatMap((key) => {
    if (key === "dnsPrefetch") return [`add_header ${names[key]} ${quoted(all[key] ? "on" : "off")} always;`];
    const value = all[key];
    return value === "off" ? [] : [`add_header ${names[key]} ${quoted(value)} always;`];
  });
  return [`add_header X-Release ${quoted(release)} always;`, ...lines, ""].join("\n");
}

function strictTransportSecurity(serverNames: readonly string[]): string {
  // includeSubDomains on a .localhost name would reach every other stack on the developer's machine.
  const local = serverNames.some((name) => name === "localhost" || name.endsWith(".localhost"));
  return local ? "max-age=63072000" : "max-age=63072000; includeSubDomains";
}
