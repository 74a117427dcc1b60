import {
  asAddress,
  asEnvironment,
  asFlag,
  asHostname,
  asHostnames,
  asSuperuser,
  asTrustedProxy,
  environment,
  environments,
  hostnames,
  listOf,
  matching,
  orNone,
  port,
  portOrNone,
  ports,
  trustedProxies,
  wholeNumber,
} from "./allowed-values.ts";
import { appSettings } from "./settings/app.ts";
import { backgroundSettings } from "./settings/background.ts";
import { backupSettings } from "./settings/backup.ts";
import { headersSettings } from "./settings/headers.ts";
import { nginxSettings } from "./settings/nginx.ts";
import { postgresSettings } from "./settings/postgres.ts";
import { setting } from "./settings/setting.ts";
import { tlsSettings } from "./settings/tls.ts";
import { trafficSettings } from "./settings/traffic.ts";

/** Every key of a stack's config, in the README's order; a nested table is an object in Pulumi.<stack>.yaml. */
export const settings = {
  environment: setting("Which defaults apply.", environment.allowed, "prod", "prod", environment.parse),
  name: setting(
    "Prefix of everything made on the Docker host; default: the Pulumi project's name.",
    "1 to 20 lower-case letters, digits and inner hyphens, a letter first",
    (name) => name,
    (name) => name,
    matching(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/),
  ),
  checkout: setting<string | undefined>(
    "Whose the objects on the Docker host are, where several checkouts share one state; none takes the id in .state/checkout.",
    "12 hexadecimal digits, or none",
    undefined,
    undefined,
    orNone(matching(/^[0-9a-f]{12}$/)),
  ),
  domain: setting("The name that users type.", hostnames, "localhost", (name) => `${name}.localhost`, asHostname),
  aliases: setting(
    "Further names of the same site; *.example.com is every name below that.",
    "a list of hostnames, the first label * where all are meant",
    [],
    [],
    listOf(asHostnames),
  ),
  httpPort: setting("Port for HTTP on the host.", ports, 8080, 80, port),
  httpsPort: setting<number | undefined>("Port for HTTPS on the host.", portOrNone, undefined, 443, orNone(port)),
  bindAddress: setting<readonly string[]>(
    "Addresses of the host that nginx's ports are published on.",
    "an IP address or a list of them",
    ["127.0.0.1"],
    ["0.0.0.0", "::"],
    (value) => (typeof value === "string" ? [asAddress(value)] : listOf(asAddress)(value)),
  ),
  ipv6ClientAddresses: setting(
    "Whether nginx gets the addresses of clients over IPv6 as they are, instead of one of Docker's for all; needs Docker Engine 28.",
    "true, false",
    false,
    false,
    asFlag,
  ),
  redirects: setting("Further names that lead to the domain by a redirect, such as www.", "a list of hostnames", [], [], listOf(asHostname)),
  trustedProxies: setting<readonly string[]>(
    "Proxies in front of nginx whose word on the client's address, and with tls.mode outer on its scheme, counts.",
    trustedProxies,
    [],
    [],
    listOf(asTrustedProxy),
  ),
  tls: tlsSettings,
  headers: headersSettings,
  app: appSettings,
  background: backgroundSettings,
  secretEnv: setting<Readonly<Record<string, string>>>(
    "Secret environment of Django, delivered as files that NAME_FILE names.",
    environments,
    {},
    {},
    asEnvironment,
  ),
  postgres: postgresSettings,
  backup: backupSettings,
  nginx: nginxSettings,
  ...trafficSettings,
  secrets: {
    databasePasswordVersion: setting(
      "Count up to rotate the database password; by three where it has leaked.",
      "a whole number from 1 to 1000000",
      1,
      1,
      wholeNumber(1, 1_000_000),
    ),
    basicAuthPasswordVersion: setting(
      "Count up to rotate the password of basicAuth.",
      "a whole number from 1 to 1000000",
      1,
      1,
      wholeNumber(1, 1_000_000),
    ),
    secretKeyVersion: setting(
      "Count up to rotate Django's secret key; by three where it has leaked.",
      "a whole number from 1 to 1000000",
      1,
      1,
      wholeNumber(1, 1_000_000),
    ),
    secretKeyFallbacks: setting<readonly string[]>(
      "Keys from elsewhere whose sessions and signatures count too, such as those of a project that moved in; set with --secret.",
      "a list of texts without spaces and commas",
      [],
      [],
      listOf(matching(/^[^\s,]{1,500}$/)),
    ),
  },
  protectData: setting("Whether database, media and backups outlive `npm run destroy`.", "true, false", false, true, asFlag),
  superuser: setting<{ readonly username: string; readonly email: string } | undefined>(
    "Administrator to create once; its password is an output.",
    "none, or { username, email }",
    undefined,
    undefined,
    asSuperuser,
  ),
};
