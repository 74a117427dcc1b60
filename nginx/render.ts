import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What nginx's configuration depends on; plain values. */
export interface NginxConfigArgs {
  /** Hostnames, or addresses in dev, that the site answers to. */
  readonly serverNames: readonly string[];
  /** Names of the app's containers on the app network, one a replica. */
  readonly replicas: readonly string[];
  /** Port that every replica listens on. */
  readonly replicaPort: number;
  /** Short id of the release, sent as X-Release. */
  readonly release: string;
  /** Port that browsers use for HTTPS; undefined without TLS. */
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
  const secure = args.httpsPort !== undefined;
  const publicPort = args.httpsPort ?? args.httpPort;
  const suffix = publicPort === (secure ? 443 : 80) ? "" : `:${publicPort}`;
  const siteFile = secure ? "site-https.conf" : "site-http.conf";
  const files = {
    "headers.conf": fill("headers.conf", { release: args.release }),
    "locations.conf": fill("locations.conf", {
      hostPortSuffix: suffix,
      requestGraceSeconds: args.requestGraceSeconds,
      staticLocation: args.staticFromVolume ? fill("static.conf", {}) : "",
    }),
    [siteFile]: fill(siteFile, {
      serverNames: args.serverNames.join(" "),
      ...(secure ? { httpsPortSuffix: suffix, strictTransportSecurity: strictTransportSecurity(args.serverNames) } : {}),
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

function strictTransportSecurity(serverNames: readonly string[]): string {
  // includeSubDomains on a .localhost name would reach every other stack on the developer's machine.
  const local = serverNames.some((name) => name === "localhost" || name.endsWith(".localhost"));
  return local ? "max-age=63072000" : "max-age=63072000; includeSubDomains";
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  const text = readFileSync(join(import.meta.dirname, `${template}.template`), "utf8");
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${template}.template: {{${name}}} has no value`);
    return String(values[name]);
  });
}
