import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { renderPasswordFile } from "../nginx/access.ts";
import { renderNginxConfig, type NginxConfig } from "../nginx/render.ts";
import type { Networks } from "./networks.ts";

/** What nginx's configuration is made from. */
export interface NginxConfigurationArgs {
  readonly config: Pick<
    Config,
    | "access"
    | "app"
    | "basicAuth"
    | "cache"
    | "headers"
    | "httpPort"
    | "httpsPort"
    | "ipv6ClientAddresses"
    | "limits"
    | "maintenance"
    | "nginx"
    | "privateMedia"
    | "redirects"
    | "robots"
    | "secrets"
    | "serverNames"
    | "tls"
    | "trustedProxies"
  >;
  readonly networks: Networks;
  /** Names of the replicas that requests go to. */
  readonly replicas: pulumi.Input<string[]>;
  readonly release: pulumi.Input<string>;
  /** Certificate chain and private key, PEM; with ACME what answers until there is another one; undefined without TLS. */
  readonly certificate: { readonly chain: pulumi.Input<string>; readonly privateKey: pulumi.Input<string> } | undefined;
  /** Password of `basicAuth`; undefined without it. */
  readonly basicAuthPassword: pulumi.Input<string> | undefined;
}

/** Renders the configuration; nothing in it is secret. */
export function renderConfiguration({ config, networks, certificate, ...args }: NginxConfigurationArgs): pulumi.Output<NginxConfig> {
  const { app, basicAuth, nginx, tls } = config;
  return pulumi.all([args.replicas, args.release, certificate?.chain, networks.gateways]).apply(([replicas, release, chain, gateways]) =>
    renderNginxConfig({
      ...nginx,
      httpPort: config.httpPort,
      httpsPort: config.httpsPort,
      replicas,
      release,
      replicaPort: app.port,
      requestGraceSeconds: app.requestGraceSeconds,
      webSockets: app.workerClass === "uvicorn",
      serverNames: config.serverNames,
      redirectNames: config.redirects,
      tls: tls.mode === "off" || tls.mode === "outer" ? tls.mode : "nginx",
      tlsPolicy: tls.policy,
      // Docker hands over what this machine's own programs send as from its own address.
      trustedProxies: config.trustedProxies.flatMap((proxy) => (proxy === "host" ? gateways : [proxy])),
      headers: config.headers,
      staticFromVolume: app.staticFromVolume,
      workerProcesses: Math.ceil(nginx.cpus),
      certificate: chain,
      acme: tls.acme,
      cache: config.cache,
      limits: config.limits,
      gateways,
      ipv6: config.ipv6ClientAddresses,
      access: config.access,
      basicAuth: basicAuth && { ...basicAuth, passwordVersion: config.secrets.basicAuthPasswordVersion },
      maintenance: config.maintenance,
      robots: config.robots,
      privateMedia: config.privateMedia,
    }),
  );
}

/** Returns the configuration's files with the secret ones among them: private key and passwords. */
export function configurationFiles(
  rendered: pulumi.Output<NginxConfig>,
  { config: { basicAuth }, certificate, basicAuthPassword }: NginxConfigurationArgs,
): pulumi.Output<Record<string, string>> {
  const certificateFiles = certificate === undefined ? {} : { "tls/certificate.pem": certificate.chain, "tls/key.pem": certificate.privateKey };
  const passwords =
    basicAuth === undefined
      ? {}
      : { passwords: pulumi.secret(pulumi.output(basicAuthPassword).apply((password) => renderPasswordFile(basicAuth.username, password ?? ""))) };
  return pulumi.all([rendered, certificateFiles, passwords]).apply(([{ files }, ...more]) => Object.assign({}, files, ...more));
}
