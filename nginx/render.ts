import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { renderAcme, type AcmeArgs } from "./acme.ts";
import { renderAddressLists, renderMaintenance, type AddressLists, type BasicAuthArgs, type MaintenanceArgs } from "./access.ts";
import { cacheVolumePath, renderCacheUse, renderCacheZone, type CacheArgs } from "./cache.ts";
import { renderClimbing, renderDjangoLocations } from "./django-locations.ts";
import { errorPolicy, pageStatuses, renderErrorLocations, renderErrorPage } from "./error-pages.ts";
import { mediaPolicy, renderHeaderMaps, renderHeaders, renderHiddenHeaders, type HeaderValues } from "./headers.ts";
import { renderLimits, renderLimitZones, type LimitsArgs } from "./limits.ts";
import { renderListen, renderRedirectServers, renderTlsServers } from "./servers.ts";
import { renderSuccessor } from "./successor.ts";
import { renderTlsPolicy, type TlsPolicy } from "./tls-policy.ts";
import { renderConnectionHeaders, renderWebSocketMaps } from "./web-sockets.ts";

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
  /** How long a client may take between two parts of its request, or of its answer, in seconds. */
  readonly clientTimeoutSeconds: number;
  /** Which replica gets a request. */
  readonly balancing: "least_conn" | "round_robin" | "ip_hash";
  /** Directives of the user's own: for the http block, and for the site's server. */
  readonly snippets: { readonly http: string | undefined; readonly server: string | undefined };
  /** Which answers are kept; undefined for none. */
  readonly cache: CacheArgs | undefined;
  readonly limits: LimitsArgs;
  /** Addresses on the host's side of Docker's networks. */
  readonly gateways: readonly string[];
  /** Whether nginx's container has addresses of IPv6. */
  readonly ipv6: boolean;
  /** Who may come in; `paths` by the beginning of the path. */
  readonly access: AddressLists & { readonly paths: Readonly<Record<string, AddressLists>> };
  /** Name and password that the whole site asks for; undefined for none. */
  readonly basicAuth: BasicAuthArgs | undefined;
  /** Set while the site is closed. */
  readonly maintenance: MaintenanceArgs | undefined;
  /** Content of /robots.txt; undefined leaves it to Django. */
  readonly robots: string | undefined;
  /** Folder of the uploads that nobody gets but by Django's X-Accel-Redirect; undefined for none. */
  readonly privateMedia: string | undefined;
  /** Whether Django takes WebSockets. */
  readonly webSockets: boolean;
  /** How long a download or an upload that began before a reload may go on after it, in seconds. */
  readonly transferSeconds: number;
  /** How long a request may run, in seconds. */
  readonly requestGraceSeconds: number;
  /** The certificate that goes with it, PEM: a new one is a new configuration. @default - none */
  readonly certificate?: string | undefined;
  /** Where nginx gets its certificates by itself; `certificate` answers until they are there. @default - nowhere */
  readonly acme?: AcmeArgs | undefined;
}

/** The rendered files by path, and the id that tells this configuration from any other. */
export interface NginxConfig {
  readonly id: string;
  readonly files: Readonly<Record<string, string>>;
}

const startScript = readFileSync(join(import.meta.dirname, "..", "containers", "start-nginx.sh"), "utf8");

/** How long nginx keeps an idle connection to a replica, in seconds; gunicorn's keep-alive must be longer. */
export const upstreamKeepaliveSeconds = 15;

/** How long nginx's workers of before keep a connection that rests, in seconds: long enough for the request that its client is about to send. */
export const idleConnectionSeconds = 5;

/** Returns how long a request that began before a reload may go on after it: one that began just before may take its whole time. */
export function lastRequestSeconds(requestGraceSeconds: number): number {
  return requestGraceSeconds + 5;
}

/** Renders nginx's configuration: `nginx.conf`, the site, its locations and headers. The certificate isn't part of it. */
export function renderNginxConfig(args: NginxConfigArgs): NginxConfig {
  const { tls, serverNames, redirectNames, ipv6 } = args;
  const secure = tls !== "off";
  // A proxy in front of nginx has its own ports.
  const publicPort = tls === "outer" ? 443 : (args.httpsPort ?? args.httpPort);
  const suffix = publicPort === (secure ? 443 : 80) ? "" : `:${publicPort}`;
  const siteFile = { off: "site-http.conf", nginx: "site-https.conf", outer: "site-outer.conf" }[tls];
  const headers = { values: args.headers, release: args.release, serverNames, secure };
  const site = `${secure ? "https" : "http"}://${serverNames[0]}${suffix}`;
  const djangoLocations = { access: args.access, uncachedPaths: args.cache?.exceptPaths };
  const clientScheme = tls === "outer" ? "$client_scheme" : "$scheme";
  const listen = (portAndOptions: string) =>
    renderListen(portAndOptions, ipv6)
      .map((line) => `    ${line}\n`)
      .join("");
  // For what nginx answers itself, Django's word doesn't count.
  const headersWith = (own: Partial<HeaderValues>, more = {}) =>
    renderHeaders({ ...headers, ...more, values: { ...args.headers, fromDjango: [], ...own } });
  const files: Record<string, string> = {
    "start.sh": startScript,
    "headers.conf": renderHeaders(headers),
    "media-headers.conf": headersWith({ contentSecurityPolicy: mediaPolicy }),
    "error-headers.conf": headersWith({ contentSecurityPolicy: errorPolicy }),
    ...(tls === "nginx" ? { "redirect-headers.conf": headersWith({}, { secure: false }) } : {}),
    ...Object.fromEntries(pageStatuses.map((status) => [`errors/${status}.html`, renderErrorPage(status)])),
    "proxy.conf": fill("proxy.conf", {
      clientScheme,
      climbing: renderClimbing(djangoLocations),
      connectionHeaders: renderConnectionHeaders(args.webSockets),
      hiddenHeaders: renderHiddenHeaders(args.headers),
      hostPortSuffix: suffix,
      publicPort,
      requestGraceSeconds: args.requestGraceSeconds,
      limits: renderLimits(args.limits),
      maintenance: args.maintenance === undefined ? "" : "if ($turned_away) {\n    return 503;\n}\n",
    }),
    ...(args.cache === undefined
      ? {}
      : { "cache.conf": renderCacheUse(args.cache, { release: args.release, scheme: clientScheme, webSockets: args.webSockets }) }),
    ...(args.robots === undefined ? {} : { "robots.txt": args.robots }),
    ...(args.snippets.http === undefined ? {} : { "snippet-http.conf": args.snippets.http }),
    ...(args.snippets.server === undefined ? {} : { "snippet-server.conf": args.snippets.server }),
    "errors.conf": renderErrorLocations(args.maintenance?.retryAfterSeconds ?? 5),
    "locations.conf": fillSite("locations.conf", {
      guards: renderGuards(args),
      robots: args.robots === undefined ? "" : "\nlocation = /robots.txt {\n    root /etc/nginx/stack/current;\n}\n",
      staticLocation: args.staticFromVolume ? fill("static.conf", {}) : "",
      mediaLocations: [
        fill("media.conf", { path: "/media/", internal: "" }),
        ...(args.privateMedia === undefined ? [] : [fill("media.conf", { path: `/media/${args.privateMedia}/`, internal: "    internal;\n" })]),
      ].join(""),
      djangoLocations: renderDjangoLocations(djangoLocations),
    }),
    [siteFile]: fillSite(siteFile, {
      serverNames: serverNames.join(" "),
      redirectServers: redirectNames.length === 0 ? "" : renderRedirectServers({ redirectNames, tls, acme: args.acme, ipv6, site }),
      listen: listen("8080"),
      listenDefault: listen("8080 default_server"),
      ...(tls === "nginx"
        ? {
            httpsPortSuffix: suffix,
            tlsPolicy: renderTlsPolicy(args.tlsPolicy),
            certificate: args.acme === undefined ? "ssl_certificate tls/certificate.pem;\nssl_certificate_key tls/key.pem;\n" : "",
            listenTlsDefault: listen("8443 ssl default_server"),
            siteServers: renderTlsServers(serverNames, { acme: args.acme, ipv6 }, ["include headers.conf;", "include locations.conf;"]),
          }
        : {}),
      ...(tls === "outer" ? { trustedProxies: args.trustedProxies.map((range) => `    ${range} 1;`).join("\n") } : {}),
    }),
  };
  if (args.acme !== undefined) {
    files["acme-names"] = [...serverNames, ...redirectNames, ""].join("\n");
    if (args.acme.authority !== undefined) files["tls/acme-authority.pem"] = args.acme.authority;
  }
  // One that failed isn't asked for fail_timeout. Where all were gone for a moment, as after a reboot, the site is away that much longer.
  const servers = args.replicas.map((name) => `        server ${name}:${args.replicaPort} resolve max_fails=2 fail_timeout=1s;\n`).join("");
  const upstream = `${args.balancing === "round_robin" ? "" : `        ${args.balancing};\n`}${servers}`;
  const successor = renderSuccessor({ ...args, upstream });
  const main = (configurationId: string) =>
    fillSite("nginx.conf", {
      configurationId,
      siteFile,
      volume: cacheVolumePath,
      // The official image carries it and doesn't load it by itself.
      modules: args.acme === undefined ? "" : "load_module /usr/lib/nginx/modules/ngx_http_acme_module.so;\n",
      acme: args.acme === undefined ? "" : renderAcme(args.acme),
      upstream,
      successorServer: successor.server,
      successorListener: successor.listener,
      upstreamKeepaliveSeconds,
      idleConnectionSeconds,
      keepaliveSeconds: args.keepaliveSeconds,
      maxBodySize: args.maxBodySize,
      clientTimeoutSeconds: args.clientTimeoutSeconds,
      cache: args.cache === undefined ? "" : renderCacheZone(args.cache),
      limits: renderLimitZones(args.limits, args.gateways),
      maintenance: args.maintenance === undefined ? "" : renderMaintenance(args.maintenance),
      webSockets: args.webSockets ? renderWebSocketMaps() : "",
      headers: renderHeaderMaps(args.headers),
      snippet: args.snippets.http === undefined ? "" : "    include snippet-http.conf;\n\n",
      realAddress: args.trustedProxies.length === 0 ? "" : renderRealAddress(args.trustedProxies),
      // A WebSocket goes on until its replica closes it, which is told to stop before this.
      workerShutdownSeconds: Math.max(args.transferSeconds, lastRequestSeconds(args.requestGraceSeconds) + (args.webSockets ? 5 : 0)),
      workerConnections: args.workerConnections,
      // A proxied request holds two connections.
      workerOpenFiles: 2 * args.workerConnections,
      workerProcesses: args.workerProcesses,
    });
  const secrets = { certificate: args.certificate ?? "", passwords: String(args.basicAuth?.passwordVersion ?? "") };
  const id = contentId({ ...files, "nginx.conf": main(""), ...secrets });
  return { id, files: { ...files, "nginx.conf": main(id) } };
}

/** Returns the first 12 hexadecimal digits of the SHA-256 over names and contents, whatever their order. */
export function contentId(files: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(files).sort()) hash.update(JSON.stringify([name, files[name]]));
  return hash.digest("hex").slice(0, 12);
}

/** Renders what holds for the whole site: who may come in, and the user's own directives. */
function renderGuards({ access, basicAuth, snippets }: NginxConfigArgs): string {
  return [
    renderAddressLists(access),
    basicAuth === undefined ? "" : 'auth_basic "private";\nauth_basic_user_file passwords;\n',
    snippets.server === undefined ? "" : "include snippet-server.conf;\n",
  ].join("");
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

/** Fills in a file that ends with what may be nothing. */
function fillSite(template: string, values: Readonly<Record<string, string | number>>): string {
  return `${fill(template, values).trimEnd()}\n`;
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  const text = readFileSync(join(import.meta.dirname, `${template}.template`), "utf8");
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${template}.template: {{${name}}} has no value`);
    return String(values[name]);
  });
}
