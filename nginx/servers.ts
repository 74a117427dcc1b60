import type { AcmeArgs } from "./acme.ts";

export interface ListeningArgs {
  /** Where nginx gets its certificates by itself; undefined for nowhere. */
  readonly acme: AcmeArgs | undefined;
  /** Whether nginx's container has addresses of IPv6. */
  readonly ipv6: boolean;
}

/** Renders where a server listens, a line each. */
export function renderListen(portAndOptions: string, ipv6: boolean): string[] {
  return [`listen ${portAndOptions};`, ...(ipv6 ? [`listen [::]:${portAndOptions};`] : [])];
}

/** Renders the servers behind TLS: one for all names, or with ACME one a name, for one that fails would hold up the others' certificate. */
export function renderTlsServers(names: readonly string[], { acme, ipv6 }: ListeningArgs, body: readonly string[]): string {
  const groups = acme === undefined ? [names] : names.map((name) => [name]);
  const certificate = [
    "acme_certificate site;",
    "ssl_certificate $site_certificate;",
    "ssl_certificate_key $site_certificate_key;",
    // One for the site's own and one for the directory's; both are read once, not at each handshake.
    "ssl_certificate_cache max=2;",
  ];
  return groups
    .map((group) =>
      renderServer([
        ...renderListen("8443 ssl", ipv6),
        "http2 on;",
        `server_name ${group.join(" ")};`,
        ...(acme === undefined ? [] : certificate),
        "",
        ...body,
      ]),
    )
    .join("");
}

export interface RedirectServersArgs extends ListeningArgs {
  readonly redirectNames: readonly string[];
  readonly tls: "off" | "nginx" | "outer";
  /** Where they lead: scheme, name and port. */
  readonly site: string;
}

/** Renders the servers of names that only lead to the site. */
export function renderRedirectServers({ redirectNames, tls, site, ...listening }: RedirectServersArgs): string {
  const lead = (headers: string) => [`include ${headers};`, `return 301 ${site}$request_uri;`];
  const headers = tls === "nginx" ? "redirect-headers.conf" : "headers.conf";
  const plain = renderServer([...renderListen("8080", listening.ipv6), `server_name ${redirectNames.join(" ")};`, "", ...lead(headers)]);
  return tls === "nginx" ? `${plain}${renderTlsServers(redirectNames, listening, lead("headers.conf"))}` : plain;
}

function renderServer(lines: readonly string[]): string {
  return ["", "server {", ...lines.map((line) => (line === "" ? "" : `    ${line}`)), "}", ""].join("\n");
}
