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
  /** Those of them that Django may set, too: in its answers its own value counts. */
  readonly fromDjango: readonly DjangoHeader[];
}

/** Headers that a page may need another value of than the rest of the site. */
export const djangoHeaders = [
  "contentSecurityPolicy",
  "frameOptions",
  "openerPolicy",
  "permissionsPolicy",
  "referrerPolicy",
  "resourcePolicy",
] as const;

export type DjangoHeader = (typeof djangoHeaders)[number];

/** Names of the headers by their key in the config. */
export const headerNames: Readonly<Record<Exclude<keyof HeaderValues, "fromDjango">, string>> = {
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

/** Whether browsers show the site in no frame, whatever X-Frame-Options says: they go by the policy where it speaks of frames (CSP 3, 7.7.3). */
export function forbidsFrames({ contentSecurityPolicy, fromDjango }: HeaderValues): boolean {
  return !fromDjango.includes("contentSecurityPolicy") && /(^|;)\s*frame-ancestors\s+'none'/i.test(contentSecurityPolicy);
}

/** Renders which headers of Django's answers nobody sees, because nginx alone sets them. */
export function renderHiddenHeaders({ fromDjango }: HeaderValues): string {
  const own = Object.entries(headerNames).flatMap(([key, name]) => (fromDjango.some((other) => other === key) ? [] : [name]));
  return ["X-Release", ...own].map((name) => `proxy_hide_header ${name};`).join("\n");
}

/** Renders the values that Django's own ones come before, for the http block; nginx leaves out a header without a value. */
export function renderHeaderMaps({ fromDjango, ...values }: HeaderValues): string {
  return [...new Set(fromDjango)]
    .filter((key) => values[key] !== "off")
    .flatMap((key) => [
      // What Django leads to a file by X-Accel-Redirect goes without Django's headers.
      `map "$upstream_http_x_accel_redirect|$upstream_http_${underscored(headerNames[key])}" ${headerVariable(key)} {`,
      '    "~^\\|." "";',
      `    default ${quoted(values[key])};`,
      "}",
      "",
    ])
    .map((line) => (line === "" ? "\n" : `    ${line}\n`))
    .join("");
}

function headerVariable(key: DjangoHeader): string {
  return `$site_${underscored(headerNames[key])}`;
}

function underscored(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}

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
  const lines = (Object.keys(headerNames) as (keyof typeof headerNames)[]).flatMap((key) => {
    if (key === "dnsPrefetch") return [`add_header ${headerNames[key]} ${quoted(all[key] ? "on" : "off")} always;`];
    const value = all[key];
    const ofDjango = values.fromDjango.find((other) => other === key);
    return value === "off" ? [] : [`add_header ${headerNames[key]} ${ofDjango === undefined ? quoted(value) : headerVariable(ofDjango)} always;`];
  });
  return [`add_header X-Release ${quoted(release)} always;`, ...lines, ""].join("\n");
}

function strictTransportSecurity(serverNames: readonly string[]): string {
  // includeSubDomains on a .localhost name would reach every other stack on the developer's machine.
  const local = serverNames.some((name) => name === "localhost" || name.endsWith(".localhost"));
  return local ? "max-age=63072000" : "max-age=63072000; includeSubDomains";
}
