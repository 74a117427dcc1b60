import * as docker from "@pulumi/docker";
import { AppImage } from "./components/app-image.ts";
import { Certificate } from "./components/certificate.ts";
import { cleanUp } from "./components/cleanup.ts";
import { commands } from "./components/commands.ts";
import { Django } from "./components/django.ts";
import { Networks } from "./components/networks.ts";
import { Nginx } from "./components/nginx.ts";
import { Postgres } from "./components/postgres.ts";
import { Secrets } from "./components/secrets.ts";
import { sourceMigrations } from "./components/source-migrations.ts";
import { Volumes } from "./components/volumes.ts";
import { loadConfig } from "./config.ts";
import { preflight } from "./preflight.ts";

const config = loadConfig();
await preflight(config);

const { prefix, dockerHost, app } = config;
const owner = { name: config.name, stack: config.stack, checkout: config.checkout };

const nets = new Networks(prefix, { owner, publishDatabase: config.postgres.publishPort !== undefined });
const vols = new Volumes(prefix, { owner, postgresVersion: config.postgres.version, protectData: config.protectData });
const secrets = new Secrets(prefix, { ...config.secrets, superuser: config.superuser !== undefined });
const hostnames = [config.domain, ...config.aliases];
const certificate = config.tls.mode === "self-signed" ? new Certificate(`${prefix}-certificate`, { hostnames }) : undefined;

const nginxImage = new docker.RemoteImage(`${prefix}-nginx-image`, { name: "nginx:1.30", keepLocally: true });
const appImage = new AppImage(`${prefix}-django`, { owner, dockerHost, ...app });

const postgres = new Postgres(`${prefix}-postgres`, {
  ...config.postgres,
  owner,
  dockerHost,
  networks: nets,
  dataVolume: vols.postgresData.name,
  secrets,
  passwordVersion: config.secrets.databasePasswordVersion,
  createDatabases: app.debug,
});
const django = new Django(`${prefix}-django`, {
  owner,
  config,
  image: appImage,
  toolImage: nginxImage.imageId,
  networks: nets,
  volumes: vols,
  secrets,
  postgres,
  sourceMigrations: app.mountSource ? sourceMigrations(app.contextPath) : undefined,
});
new Nginx(`${prefix}-nginx`, {
  ...config.nginx,
  owner,
  dockerHost,
  image: nginxImage.imageId,
  networks: nets,
  volumes: vols,
  replicas: django.replicas,
  release: appImage.release,
  settings: {
    ...config.nginx,
    serverNames: config.allowedHosts,
    replicaPort: app.port,
    httpPort: config.httpPort,
    httpsPort: config.httpsPort,
    staticFromVolume: app.staticFromVolume,
    requestGraceSeconds: app.requestGraceSeconds,
  },
  certificate,
  bindAddress: config.bindAddress,
  onLive: (command) => cleanUp({ docker: command, prefix, ...owner }),
});

export const url = config.url;
export const adminUrl = `${url}/admin/`;
export const staticUrl = `${url}/static/`;
export const mediaUrl = `${url}/media/`;
export const apiUrl = `${url}/api/movies/`;
export const devServerUrl = app.devServerPort === undefined ? undefined : `http://localhost:${app.devServerPort}`;
export const caCertificate = certificate?.authority;
export const certificateNotAfter = certificate?.notAfter;
export const image = appImage.imageId;
export const release = appImage.release;
export const networks = { edge: nets.edge.name, app: nets.app.name, db: nets.db.name, dev: nets.dev?.name };
export const volumes = { staticData: vols.staticData.name, mediaData: vols.mediaData.name, postgresData: vols.postgresData.name };
const operations = commands(owner, django.filesId, dockerHost);
export { operations as commands };
export const superuserPassword = secrets.superuserPassword;
