import { isIPv6 } from "node:net";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config.ts";
import { acmeStatePath } from "../nginx/acme.ts";
import { cacheVolumePath } from "../nginx/cache.ts";
import { idleConnectionSeconds, lastRequestSeconds } from "../nginx/render.ts";
import { hasSuccessor } from "../nginx/successor.ts";
import { mediaPath, staticPath } from "./django-environment.ts";
import { FilesVolume } from "./files-volume.ts";
import { serviceHooks } from "./gates.ts";
import type { Owner } from "./labels.ts";
import { letReplicasGo } from "./leaving-replicas.ts";
import type { Networks } from "./networks.ts";
import { configurationFiles, renderConfiguration, type NginxConfigurationArgs } from "./nginx-configuration.ts";
import { reloadNginx } from "./nginx-reload.ts";
import { serviceProfile, type Engine } from "./profiles.ts";
import { awaitAcmeCertificates, requireServedCertificate } from "./served-certificate.ts";
import type { DockerCommand } from "./docker-engine.ts";
import type { Volumes } from "./volumes.ts";

export interface NginxArgs extends NginxConfigurationArgs {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly config: NginxConfigurationArgs["config"] & Pick<Config, "bindAddress" | "dockerHost" | "domain">;
  /** Image id of nginx. */
  readonly image: pulumi.Input<string>;
  readonly networks: Networks;
  readonly volumes: Volumes;
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
    const { dockerHost, httpPort, httpsPort, nginx } = config;
    const rendered = renderConfiguration(args);
    this.configurationId = rendered.apply(({ id }) => id);
    const checkCertificates = async (command: DockerCommand) => {
      const served = { docker: command, container: name };
      if (config.tls.acme !== undefined) {
        const hostnames = [...config.serverNames, ...config.redirects];
        for (const warning of await awaitAcmeCertificates({ ...served, hostnames })) await pulumi.log.warn(warning);
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
        files: configurationFiles(rendered, args),
        user: `${nginxUser}:${nginxUser}`,
        writable: { [acmeStatePath]: args.volumes.acmeState.name, [cacheVolumePath]: args.volumes.cache.name },
        check: 'nginx -t -c "$PWD/nginx.conf"',
        onFilled: async (command, jobId) => {
          const reloaded = await reloadNginx({ docker: command, container: name, volume: `${name}-files`, jobId });
          if (reloaded === "no nginx") return;
          await checkCertificates(command);
          const tidied = args
            .onLive(command)
            .catch((error: Error) => pulumi.log.warn(`the new version is live, but tidying up failed: ${error.message}`));
          const successor = hasSuccessor(config.nginx.balancing);
          // With one, until connections that rest are gone, and two seconds for a slow machine. Without, replicas listen until they have drained,
          // which begins after this.
          const seconds = successor ? idleConnectionSeconds + 2 : lastRequestSeconds(config.app.requestGraceSeconds) + 1 - config.app.drainSeconds;
          if (reloaded !== "no replica leaves") await letReplicasGo({ docker: command, container: name, ...reloaded, seconds, successor });
          await tidied;
        },
      },
      { parent: this },
    );
    const published = [{ internal: 8080, external: httpPort }, ...(httpsPort === undefined ? [] : [{ internal: 8443, external: httpsPort }])];
    const ports = config.bindAddress.flatMap((ip) => published.map((port) => ({ ...port, ip })));
    new docker.Container(
      name,
      {
        ...serviceProfile({
          owner,
          engine: args.engine,
          component: "nginx",
          uid: nginxUser,
          gid: nginxUser,
          cpus: nginx.cpus,
          memory: nginx.memory,
          processes: 64 + Math.ceil(nginx.cpus),
          tmpfs: { "/tmp": `rw,noexec,nosuid,nodev,uid=${nginxUser},gid=${nginxUser},size=${temporaryMegabytes}m` },
          healthcheck: {
            command: ["CMD", "curl", "--fail", "--silent", "--output", "/dev/null", "--max-time", "3", "http://127.0.0.1:8081/healthz"],
            intervalSeconds: 1.7,
            timeoutSeconds: 5,
            retries: 5,
            startSeconds: 60,
          },
          // From SIGQUIT on it accepts nobody: its last requests get a second, then whoever replaces it can listen.
          stopSeconds: 1,
          labels: { ports: portWords(ports) },
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
          { type: "volume", source: args.volumes.cache.name, target: cacheVolumePath },
        ],
        networksAdvanced: [{ name: args.networks.edge.name }, { name: args.networks.app.name }],
        ports,
      },
      {
        parent: this,
        dependsOn: files,
        // It holds the published ports; its configuration changes by reload, never by replacement.
        deleteBeforeReplace: true,
        // A refresh finds several addresses of a port in the engine's own order, and each `up` would replace nginx for it. Their label replaces it.
        ignoreChanges: ["ports"],
        hooks: serviceHooks(name, dockerHost, "is gone", checkCertificates),
      },
    );
    this.registerOutputs({ configurationId: this.configurationId });
  }
}

/** Size of /tmp, where its process id is and whatever directives of the user's own write; in MiB. */
const temporaryMegabytes = 16;

/** User and group of the official image. */
const nginxUser = 101;

/** Returns published ports as `docker ps` shows them, but for the protocol. */
function portWords(ports: readonly { readonly ip: string; readonly external: number; readonly internal: number }[]): string {
  return ports.map(({ ip, external, internal }) => `${isIPv6(ip) ? `[${ip}]` : ip}:${external}->${internal}`).join(", ");
}
