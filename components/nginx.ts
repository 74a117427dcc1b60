import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { acmeStatePath } from "../nginx/acme.ts";
import { renderPasswordFile } from "../nginx/access.ts";
import { cachePath } from "../nginx/cache.ts";
import { renderNginxConfig } from "../nginx/render.ts";
import { mediaPath, staticPath } from "./django-environment.ts";
import { FilesVolume } from "./files-volume.ts";
import { serviceHooks } from "./gates.ts";
import type { Owner } from "./labels.ts";
import type { Networks } from "./networks.ts";
import { reloadNginx } from "./nginx-reload.ts";
import { serviceProfile } from "./profiles.ts";
import { awaitAcmeCertificates, requireServedCertificate } from "./served-certificate.ts";
import type { DockerCommand } from "./docker-engine.ts";
import type { Volumes } from "./volumes.ts";

export interface NginxArgs {
  readonly owner: Owner;
  readonly config: Pick<
    Config,
    | "access"
    | "allowedHosts"
    | "app"
    | "basicAuth"
    | "bindAddress"
    | "cache"
    | "dockerHost"
    | "domain"
    | "headers"
    | "httpPort"
    | "httpsPort"
    | "limits"
    | "maintenance"
    | "nginx"
    | "privateMedia"
    | "redirects"
    | "robots"
    | "secrets"
    | "tls"
    | "trustedProxies"
  >;
  /** Image id of nginx. */
  readonly image: pulumi.Input<string>;
  readonly networks: Networks;
  readonly volumes: Volumes;
  /** Names of the replicas that requests go to. */
  readonly replicas: pulumi.Input<string[]>;
  readonly release: pulumi.Input<string>;
  /** Certificate chain and private key, PEM; with ACME what answers until there is another one; undefined without TLS. */
  readonly certificate: { readonly chain: pulumi.Input<string>; readonly privateKey: pulumi.Input<string> } | undefined;
  /** Password of `basicAuth`; undefined without it. */
  readonly basicAuthPassword: pulumi.Input<string> | undefined;
  /** What tidies up once nginx has gone over to a new configuration; a failure is a warning only. */
  readonly onLive: (docker: DockerCommand) => Promise<void>;
}

/** The only door: nginx, and the job that checks each configuration before nginx reloads it. */
export class Nginx extends pulumi.ComponentResource {
  /** Id of the configuration. */
  readonly configurationId: pulumi.Output<string>;

  constructor(name: string, args: NginxArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-stack:index:Nginx", name, {}, opts);
    const { owner, config } = args;
    const { app, dockerHost, httpPort, httpsPort, nginx } = config;
    const rendered = pulumi
      .all([args.replicas, args.release, args.certificate?.chain, args.networks.gateways])
      .apply(([replicas, release, chain, gateways]) =>
        renderNginxConfig({
          ...nginx,
          httpPort,
          httpsPort,
          replicas,
          release,
          replicaPort: app.port,
          requestGraceSeconds: app.requestGraceSeconds,
          serverNames: config.allowedHosts,
          redirectNames: config.redirects,
          tls: tlsEnd(config.tls.mode),
          tlsPolicy: config.tls.policy,
          trustedProxies: config.trustedProxies,
          headers: config.headers,
          staticFromVolume: app.staticFromVolume,
          workerProcesses: Math.ceil(nginx.cpus),
          certificate: chain,
          acme: config.tls.acme,
          cache: config.cache,
          limits: config.limits,
          gateways,
          access: config.access,
          basicAuth: config.basicAuth && { ...config.basicAuth, passwordVersion: config.secrets.basicAuthPasswordVersion },
          maintenance: config.maintenance,
          robots: config.robots,
          privateMedia: config.privateMedia,
        }),
      );
    this.configurationId = rendered.apply(({ id }) => id);
    const certificateFiles =
      args.certificate === undefined
        ? pulumi.output({})
        : pulumi.output({ "tls/certificate.pem": args.certificate.chain, "tls/key.pem": args.certificate.privateKey });
    const { basicAuth } = config;
    const passwordFile =
      basicAuth === undefined
        ? pulumi.output({})
        : pulumi.secret(
            pulumi.output(args.basicAuthPassword).apply((password) => ({ passwords: renderPasswordFile(basicAuth.username, password ?? "") })),
          );
    const checkCertificates = async (command: DockerCommand) => {
      const served = { docker: command, container: name };
      if (config.tls.acme !== undefined) {
        const hostnames = [...config.allowedHosts, ...config.redirects];
        for (const warning of await awaitAcmeCertificates({ ...served, hostnames })) void pulumi.log.warn(warning);
      } else if (args.certificate !== undefined) await requireServedCertificate(served, config.domain);
    };
    const files = new FilesVolume(
      `${name}-files`,
      {
        owner,
        component: "nginx",
        dockerHost,
        image: args.image,
        id: this.configurationId,
        files: pulumi
          .all([rendered, certificateFiles, passwordFile])
          .apply(([{ files: configuration }, certificate, passwords]) => ({ ...configuration, ...certificate, ...passwords })),
        user: `${nginxUser}:${nginxUser}`,
        writable: { [acmeStatePath]: args.volumes.acmeState.name, [cachePath]: args.volumes.cache.name },
        check: 'nginx -t -c "$PWD/nginx.conf"',
        onFilled: async (command, jobId) => {
          const reloaded = await reloadNginx({ docker: command, container: name, volume: `${name}-files`, jobId });
          if (!reloaded) return;
          await checkCertificates(command);
          await args.onLive(command).catch((error: Error) => pulumi.log.warn(`the new version is live, but tidying up failed: ${error.message}`));
        },
      },
      { parent: this },
    );
    const published = [{ internal: 8080, external: httpPort }, ...(httpsPort === undefined ? [] : [{ internal: 8443, external: httpsPort }])];
    new docker.Container(
      name,
      {
        ...serviceProfile({
          owner,
          component: "nginx",
          uid: nginxUser,
          gid: nginxUser,
          cpus: nginx.cpus,
          memory: nginx.memory,
          processes: 64 + Math.ceil(nginx.cpus),
          tmpfs: { "/tmp": `rw,noexec,nosuid,nodev,uid=${nginxUser},gid=${nginxUser},size=${nginx.temporaryMegabytes}m` },
          healthcheck: {
            command: ["CMD", "curl", "--fail", "--silent", "--output", "/dev/null", "--max-time", "3", "http://127.0.0.1:8081/healthz"],
            intervalSeconds: 2,
            timeoutSeconds: 5,
            retries: 5,
            startSeconds: 60,
          },
          // From SIGQUIT on it accepts nobody: its last requests get a second, then whoever replaces it can listen.
          stopSeconds: 1,
        }),
        name,
        image: args.image,
        entrypoints: ["/bin/sh", "/etc/nginx/stack/current/start.sh"],
        stopSignal: "SIGQUIT",
        mounts: [
          { type: "volume", source: files.volume, target: "/etc/nginx/stack", readOnly: true },
          { type: "volume", source: args.volumes.staticData.name, target: staticPath, readOnly: true },
          { type: "volume", source: args.volumes.mediaData.name, target: mediaPath, readOnly: true },
          { type: "volume", source: args.volumes.acmeState.name, target: acmeStatePath },
          { type: "volume", source: args.volumes.cache.name, target: cachePath },
        ],
        networksAdvanced: [{ name: args.networks.edge.name }, { name: args.networks.app.name }],
        ports: config.bindAddress.flatMap((ip) => published.map((port) => ({ ...port, ip }))),
      },
      // It holds the published ports; its configuration changes by reload, never by replacement.
      { parent: this, dependsOn: files, deleteBeforeReplace: true, hooks: serviceHooks(name, dockerHost, checkCertificates) },
    );
    this.registerOutputs({ configurationId: this.configurationId });
  }
}

/** User and group of the official image. */
const nginxUser = 101;

/** Returns who ends TLS in a mode. */
function tlsEnd(mode: Config["tls"]["mode"]): "off" | "nginx" | "outer" {
  return mode === "off" || mode === "outer" ? mode : "nginx";
}
