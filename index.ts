import * as docker from "@pulumi/docker";
import { AppFiles } from "./components/app-files.ts";
import { AppImage } from "./components/app-image.ts";
import { Background } from "./components/background.ts";
import { Backup } from "./components/backup.ts";
import { Certificate, warnBeforeExpiry } from "./components/certificate.ts";
import { cleanUp } from "./components/cleanup.ts";
import { commands } from "./components/commands.ts";
import { Django } from "./components/django.ts";
import { Networks } from "./components/networks.ts";
import { Nginx } from "./components/nginx.ts";
import { Postgres } from "./components/postgres.ts";
import { Release } from "./components/release.ts";
import { Secrets } from "./components/secrets.ts";
import { Volumes } from "./components/volumes.ts";
import { loadConfig } from "./config.ts";
import { definedOutputs } from "./outputs.ts";
import { preflight } from "./preflight.ts";

// Pulumi takes a stack trace for each property of each resource, and its runner looks each frame up in source maps, of which Node's own
// reading of TypeScript needs none: a twelfth of a preview's time.
Reflect.deleteProperty(Error, "prepareStackTrace");

const config = loadConfig();
const engine = await preflight(config);

const { prefix, dockerHost, app, owner } = config;
const hostnames = [config.domain, ...config.aliases, ...config.redirects];

const networks = new Networks(prefix, {
  owner,
  publishDatabase: config.postgres.publishPort !== undefined,
  remoteBackups: config.backup?.remote ?? false,
  ipv6ClientAddresses: config.ipv6ClientAddresses,
});
const volumes = new Volumes(prefix, {
  owner,
  postgresVersion: config.postgres.version,
  olderPostgresVersion: config.postgres.upgradeFrom,
  protectData: config.protectData,
});
const secrets = new Secrets(prefix, {
  ...config.secrets,
  superuser: config.superuser !== undefined,
  basicAuth: config.basicAuth !== undefined,
  protectData: config.protectData,
});
const backupPassphrase = config.backup?.passphrase ?? secrets.backupPassphrase;
// With acme it answers until nginx has got one from the directory.
const makesCertificate = config.tls.mode === "self-signed" || config.tls.mode === "acme";
const ownCertificate = makesCertificate ? new Certificate(`${prefix}-certificate`, { stack: prefix, hostnames }) : undefined;
const certificate = ownCertificate ?? config.tls.provided;
const notAfter = config.tls.mode === "acme" ? undefined : certificate?.notAfter;
if (notAfter !== undefined) warnBeforeExpiry(notAfter);
const nginxImage = new docker.RemoteImage(`${prefix}-nginx-image`, { name: config.nginx.image, keepLocally: true });
const toolImage = nginxImage.imageId;

const postgres = new Postgres(`${prefix}-postgres`, { owner, engine, config, networks, volumes, secrets });
const appImage = new AppImage(`${prefix}-django`, { owner, dockerHost, ...app });
const files = new AppFiles(`${prefix}-django`, { owner, config, toolImage, secrets, postgres });
const release = new Release(`${prefix}-django-release`, {
  owner,
  config,
  image: appImage,
  files,
  toolImage,
  networks,
  volumes,
  postgres,
});
if (config.backup !== undefined) {
  new Backup(`${prefix}-backup`, {
    owner,
    engine,
    config,
    backup: config.backup,
    passphrase: backupPassphrase,
    networks,
    volumes,
    postgres,
    release,
  });
}
const running = { owner, engine, config, image: appImage, files, release, networks, volumes };
const background = Object.entries(config.background).map(
  ([name, process]) => new Background(`${prefix}-background-${name}`, { ...running, process }),
);
const django = new Django(`${prefix}-django`, { ...running, background });
new Nginx(`${prefix}-nginx`, {
  owner,
  engine,
  config,
  image: nginxImage.imageId,
  networks,
  volumes,
  replicas: django.replicas,
  release: appImage.release,
  certificate,
  basicAuthPassword: secrets.basicAuthPassword,
  onLive: (dockerCommand) => cleanUp({ docker: dockerCommand, prefix, ...owner }),
});

const { url } = config;
export default definedOutputs({
  url,
  adminUrl: app.adminPath && `${url}${app.adminPath}`,
  staticUrl: `${url}/static/`,
  mediaUrl: `${url}/media/`,
  apiUrl: app.apiPath && `${url}${app.apiPath}`,
  devServerUrl: app.devServerPort === undefined ? undefined : `http://localhost:${app.devServerPort}`,
  caCertificate: config.tls.mode === "self-signed" ? ownCertificate?.authority : undefined,
  certificateNotAfter: notAfter,
  image: appImage.imageId,
  release: appImage.release,
  networks: networks.names,
  volumes: volumes.names,
  commands: commands(owner, files.id, dockerHost),
  backupPassphrase,
  superuserPassword: secrets.superuserPassword,
  basicAuthPassword: secrets.basicAuthPassword,
});
