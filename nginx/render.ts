import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mediaPolicy, ownedHeaders, renderHeaders, type HeaderValues } from "./headers.ts";
import { renderTlsPolicy, type TlsPolicy } from "./tls-policy.ts";

/** What nginx's configuration depends on; plain values. */
export interface NginxConfigArgs {
  /** Hostnames, or addresses in dev, that the site answers to. */
  readonly serverNames: readonly string[];
  /** Further names, which lead to the first of these by a redirect. */
  readonly redirectNames: readonly string[];
  /** Who ends TLS: nobody, nginx, or another proxy in front of it. */
  readonly tls: "off" | "nginx" | "outer";
  readonly tlsPolicy: TlsPolicy;
  /** Addresses and ranges of proxies whose X-Forwarded-For and, with TLS ended there, X-Forwarded-Proto count. */
  readonly trustedProxies: readonly string[];
  readonly headers: HeaderValues;
  /** Names of the app's containers on the app network, one a replica. */
  readonly replicas: readonly string[];
  /** Port that every replica listens on. */
  readonly replicaPort: number;
  /** Short id of the release, sent as X-Release. */
  readonly release: string;
  /** Port that browsers use for HTTPS; undefined where nginx doesn't end TLS. */
  readonly httpsPort: number | undefined;
  /** Port that browsers use for HTTP. */
  readonly httpPort: number;
  /** Whether `/static/` comes from the static-data volume; otherwise Django answers it. */
  readonly staticFromVolume: boolean;
  readonly workerProcesses: number;
  readonly workerConnections: number;
  readonly keepaliveSeconds: number;
  readonly maxBodySize: string;
  /** How long a request may run, in seconds. */
  readonly requestGraceSeconds: number;
  /** The certificate that goes with it, PEM: a new one is a new configuration. @default - none */
  readonly certificate?: string | undefined;
}

/** The rendered files by path, and the id that tells this configuration from any other. */
export interface NginxConfig {
  readonly id: string;
  readonly files: Readonly<Record<string, string>>;
}

/** How long nginx keeps an idle connection to a replica, in seconds; gunicorn's keep-alive must be longer. */
export const upstreamKeepaliveSeconds = 15;

/** Renders nginx's configuration: `nginx.conf`, the site, its locations and headers. The certificate isn't part of it. */
export function renderNginxConfig(args: NginxConfigArgs): NginxConfig {
  const { tls, serverNames, redirectNames } = args;
  const secure = tls !== "off";
  // A proxy in front of nginx has its own ports.
  const publicPort = tls === "outer" ? 443 : (args.httpsPort ?? args.httpPort);
  const suffix = publicPort === (secure ? 443 : 80) ? "" : `:${publicPort}`;
  const siteFile = { off: "site-http.conf", nginx: "site-https.conf", outer: "site-outer.conf" }[tls];
  const headers = { values: args.headers, release: args.release, serverNames, secure };
  const site = `${secure ? "https" : "http"}://${serverNames[0]}${suffix}`;
  const files = {
    "headers.conf": renderHeaders(headers),
    "media-headers.conf": renderHeaders({ ...headers, values: { ...args.headers, contentSecurityPolicy: mediaPolicy } }),
    ...(tls === "nginx" ? { "redirect-headers.conf": renderHeaders({ ...headers, secure: false }) } : {}),
    "locations.conf": fill("locations.conf", {
      clientScheme: tls === "outer" ? "$client_scheme" : "$scheme",
      hiddenHeaders: ownedHeaders.map((name) => `    proxy_hide_header ${name};`).join("\n"),
      hostPortSuffix: suffix,
      requestGraceSeconds: args.requestGraceSeconds,
      staticLocation: args.staticFromVolume ? fill("static.conf", {}) : "",
    }),
    [siteFile]: fill(siteFile, {
      serverNames: serverNames.join(" "),
      redirectServers: redirectNames.length === 0 ? "" : renderRedirectServers(args, site),
      ...(tls === "nginx" ? { httpsPortSuffix: suffix, tlsPolicy: renderTlsPolicy(args.tlsPolicy) } : {}),
      ...(tls === "outer" ? { trustedProxies: args.trustedProxies.map((range) => `    ${range} 1;`).join("\n") } : {}),
    }),
  };
  const main = (configurationId: string) =>
    fill("nginx.conf", {
      configurationId,
      siteFile,
      upstreamServers: args.replicas.map((name) => `        server ${name}:${args.replicaPort} resolve max_fails=2 fail_timeout=5s;`).join("\n"),
      upstreamKeepaliveSeconds,
      keepaliveSeconds: args.keepaliveSeconds,
      maxBodySize: args.maxBodySize,
      realAddress: args.trustedProxies.length === 0 ? "" : renderRealAddress(args.trustedProxies),
      // A request that began just before the reload may take its whole time.
      workerShutdownSeconds: args.requestGraceSeconds + 5,
      workerConnections: args.workerConnections,
      // A proxied request holds two connections.
      workerOpenFiles: 2 * args.workerConnections,
      workerProcesses: args.workerProcesses,
    });
  const id = contentId({ ...files, "nginx.conf": main(""), ...(args.certificate === undefined ? {} : { certificate: args.certificate }) });
  return { id, files: { ...files, "nginx.conf": main(id) } };
}

/** Returns the first 12 hexadecimal digits of the SHA-256 over names and contents, whatever their order. */
export function contentId(files: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(files).sort()) hash.update(JSON.stringify([name, files[name]]));
  return hash.digest("hex").slice(0, 12);
}

/** Renders the servers of names that only lead to the site. */
function renderRedirectServers({ redirectNames, tls }: NginxConfigArgs, site: string): string {
  const server = (listen: string, headers: string) =>
    [
      "",
      "server {",
      ...listen.split("\n").map((line) => `    ${line}`),
      `    server_name ${redirectNames.join(" ")};`,
      "",
      `    include ${headers};`,
      `    return 301 ${site}$request_uri;`,
      "}",
    ].join("\n");
  const plain = server("listen 8080;", tls === "nginx" ? "redirect-headers.conf" : "headers.conf");
  return tls === "nginx" ? `${plain}\n${server("listen 8443 ssl;\nhttp2 on;", "headers.conf")}` : plain;
}

/** Renders whose word counts on who the client is. */
function renderRealAddress(trustedProxies: readonly string[]): string {
  return [
    ...trustedProxies.map((range) => `    set_real_ip_from ${range};`),
    "    real_ip_header X-Forwarded-For;",
    "    real_ip_recursive on;",
    "",
    "",
  ].join("\n");
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  const text = readFileSync(join(import.meta.dirname, `${template}.template`), "utf8");
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${template}.template: {{${name}}} has no value`);
    return String(values[name]);
  });
}
