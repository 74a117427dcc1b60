import type { AcmeArgs } from "./acme.ts";

/** Renders the servers behind TLS: one for all names, or with ACME one a name, for one that fails would hold up the others' certificate. */
export function renderTlsServers(names: readonly string[], acme: AcmeArgs | undefined, body: readonly string[]): string {
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
      renderServer(["listen 8443 ssl;", "http2 on;", `server_name ${group.join(" ")};`, ...(acme === undefined ? [] : certificate), "", ...body]),
    )
    .join("");
}

export interface RedirectServersArgs {
  readonly redirectNames: readonly string[];
  readonly tls: "off" | "nginx" | "outer";
  readonly acme: AcmeArgs | undefined;
  /** Where they lead: scheme, name and port. */
  readonly site: string;
}

/** Renders the servers of names that only lead to the site. */
export function renderRedirectServers({ redirectNames, tls, acme, site }: RedirectServersArgs): string {
  const lead = (headers: string) => [`include ${headers};`, `return 301 ${site}$request_uri;`];
  const headers = tls === "nginx" ? "redirect-headers.conf" : "headers.conf";
  const plain = renderServer(["listen 8080;", `server_name ${redirectNames.join(" ")};`, "", ...lead(headers)]);
  return tls === "nginx" ? `${plain}${renderTlsServers(redirectNames, acme, lead("headers.conf"))}` : plain;
}

function renderServer(lines: readonly string[]): string {
  return ["", "server {", ...lines.map((line) => (line === "" ? "" : `    ${line}`)), "}", ""].join("\n");
}
