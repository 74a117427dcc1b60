import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/** How one value of the config is read: what is allowed in words, the default of each environment, and what it is for. */
export interface Setting<T> {
  /** The allowed values, in words, as error messages and the README print them. */
  readonly allowed: string;
  /** Default in dev and in prod; a function computes it from the name of the stack's objects; undefined stands for "none". */
  readonly dev: T | ((name: string) => T);
  readonly prod: T | ((name: string) => T);
  /** One sentence for the README's table. */
  readonly about: string;
  /** Returns the value, or throws an Error whose message is what to do about it ("" when `allowed` says it all). */
  readonly parse: (value: unknown) => T;
}

type Default<T> = T | ((name: string) => T);

function setting<T>(about: string, allowed: string, dev: Default<T>, prod: Default<T>, parse: (value: unknown) => T): Setting<T> {
  return { about, allowed, dev, prod, parse };
}

function refuse(fix = ""): never {
  throw new Error(fix);
}

function asText(value: unknown): string {
  return typeof value === "string" && value !== "" ? value : refuse();
}

function matching(pattern: RegExp): (value: unknown) => string {
  return (value) => (pattern.test(asText(value)) ? asText(value) : refuse());
}

function asNumber(value: unknown): number {
  const number = typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : refuse();
}

function wholeNumber(minimum: number, maximum: number): (value: unknown) => number {
  return (value) => {
    const number = asNumber(value);
    return Number.isInteger(number) && number >= minimum && number <= maximum ? number : refuse();
  };
}

function oneOf<const T extends string>(...values: T[]): { allowed: string; parse: (value: unknown) => T } {
  return {
    allowed: values.join(", "),
    parse: (value) => values.find((candidate) => candidate === value) ?? refuse(),
  };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : refuse();
}

/** Returns the hostname in lower case; RFC 1123: labels of 1 to 63 letters, digits and inner hyphens, 253 characters in all. */
export function asHostname(value: unknown): string {
  const hostname = asText(value).toLowerCase();
  const ascii = domainToASCII(hostname);
  if (ascii !== hostname && /[^\p{ASCII}]/u.test(hostname) && ascii !== "") refuse(`write it in its ASCII form: ${ascii}`);
  if (/^[a-z]+:\/\//.test(hostname) || hostname.includes("/")) refuse("leave out the scheme and the path");
  if (/:\d+$/.test(hostname)) refuse("leave out the port: httpPort and httpsPort set it");
  if (isIP(hostname) !== 0 || /^[\d.]+$/.test(hostname)) refuse("give a name, not an address");
  if (hostname.length > 253 || !hostname.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) refuse();
  return hostname;
}

const hostnames = "a hostname: labels of letters, digits and inner hyphens, separated by dots";

function listOf<T>(parse: (value: unknown) => T): (value: unknown) => readonly T[] {
  return (value) => (Array.isArray(value) ? value.map(parse) : refuse());
}

function asAddress(value: unknown): string {
  return isIP(asText(value)) === 0 ? refuse() : asText(value);
}

function orNone<T>(parse: (value: unknown) => T): (value: unknown) => T | undefined {
  return (value) => (value === "none" ? undefined : parse(value));
}

const port = wholeNumber(1, 65535);
const ports = "a port from 1 to 65535";
const portOrNone = `${ports}, or none`;

/** Returns megabytes (MiB) from a size such as `512m` or `2g`. */
function asMegabytes(value: unknown): number {
  const match = /^(\d{1,6})([mg])$/i.exec(asText(value)) ?? refuse();
  const megabytes = Number(match[1]) * (match[2].toLowerCase() === "g" ? 1024 : 1);
  return megabytes >= 64 ? megabytes : refuse();
}

const sizes = "a size such as 512m or 2g, 64m or more";

function asCpus(value: unknown): number {
  const cpus = asNumber(value);
  return cpus >= 0.1 && cpus <= 256 ? cpus : refuse();
}

const cpuNumbers = "a number of CPUs from 0.1 to 256";

/** Names that the stack itself sets in the app's containers. */
export const reservedEnvironment = [
  "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_HOST", "DATABASE_NAME", "DATABASE_PASSWORD", "DATABASE_PORT", "DATABASE_URL",
  "DATABASE_USER", "DEBUG", "DRAIN_SECONDS", "HOME", "HTTPS", "MEDIA_ROOT", "RELEASE_TIMEOUT_SECONDS", "SECRET_KEY",
  "SECRET_KEY_FALLBACKS", "STATIC_ROOT", "STATIC_SOURCE", "WSGI_MODULE", "XDG_RUNTIME_DIR",
]; // prettier-ignore

function asEnvironment(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(value)).map(([name, content]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) refuse(`rename ${JSON.stringify(name)}`);
    if (reservedEnvironment.includes(name.replace(/_FILE$/, ""))) refuse(`remove ${name}: the stack sets it`);
    if (!["string", "number", "boolean"].includes(typeof content)) refuse(`give ${name} a text, a number, true or false`);
    if (String(content).includes("\0")) refuse(`give ${name} a value without NUL characters`);
    return [name, String(content)] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Of the lines of a longer value, one could be taken for a variable of its own. */
function asPlainEnvironment(value: unknown): Readonly<Record<string, string>> {
  const environment = asEnvironment(value);
  for (const [name, content] of Object.entries(environment))
    if (/[\r\n]/.test(content)) refuse(`give ${name} a value of one line, or put it into secretEnv`);
  return environment;
}

const environments = "names of letters, digits and underscores, each with a text, a number, true or false";

function asFlag(value: unknown): boolean {
  return value === true || value === "true" ? true : value === false || value === "false" ? false : refuse();
}

function asSuperuser(value: unknown): { readonly username: string; readonly email: string } | undefined {
  if (value === "none") return undefined;
  const { username, email, ...others } = asObject(value);
  if (Object.keys(others).length > 0) refuse(`remove ${Object.keys(others).join(", ")}`);
  if (!/^[\w.@+-]{1,150}$/.test(asText(username))) refuse();
  if (!/^[^\s@]+@[^\s@]+$/.test(asText(email))) refuse();
  return { username: asText(username), email: asText(email) };
}

const environment = oneOf("dev", "prod");
const tlsMode = oneOf("off", "self-signed");
const server = oneOf("runserver", "gunicorn");
const workerClass = oneOf("sync", "gthread", "gevent");

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
  domain: setting("The name that users type.", hostnames, "localhost", (name) => `${name}.localhost`, asHostname),
  aliases: setting("Further names of the same site.", "a list of hostnames", [], [], listOf(asHostname)),
  httpPort: setting("Port for HTTP on the host.", ports, 8080, 80, port),
  httpsPort: setting<number | undefined>("Port for HTTPS on the host.", portOrNone, undefined, 443, orNone(port)),
  bindAddress: setting<readonly string[]>(
    "Addresses of the host that nginx's ports are published on.",
    "an IP address or a list of them",
    ["127.0.0.1"],
    ["0.0.0.0", "::"],
    (value) => (typeof value === "string" ? [asAddress(value)] : listOf(asAddress)(value)),
  ),
  tls: {
    mode: setting("Where the certificate comes from.", tlsMode.allowed, "off", "self-signed", tlsMode.parse),
  },
  app: {
    context: setting("Folder of the Django project, relative to the checkout.", "a folder", "./django", "./django", asText),
    dockerfile: setting("Dockerfile, relative to the context.", "a file", "Dockerfile", "Dockerfile", asText),
    target: setting<string | undefined>(
      "Stage of the Dockerfile to build; none builds the last one.",
      "the name of a stage, or none",
      undefined,
      undefined,
      orNone(matching(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)),
    ),
    server: setting("What serves Django.", server.allowed, "runserver", "gunicorn", server.parse),
    port: setting("Port of the server inside its container.", "a port from 1024 to 65535", 9000, 9000, wholeNumber(1024, 65535)),
    wsgi: setting(
      "WSGI module for gunicorn.",
      "a Python module path, with :name where the callable isn't called application",
      "config.wsgi",
      "config.wsgi",
      matching(/^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$/),
    ),
    replicas: setting("Number of app containers.", "a whole number from 1 to 32", 1, 2, wholeNumber(1, 32)),
    workerClass: setting("gunicorn's worker class.", workerClass.allowed, "gthread", "gthread", workerClass.parse),
    workers: setting<number | "auto">(
      "gunicorn's worker processes a replica; auto is 2 x cpus + 1.",
      "auto, or a whole number from 1 to 64",
      "auto",
      "auto",
      (value) => (value === "auto" ? "auto" : wholeNumber(1, 64)(value)),
    ),
    threads: setting("gunicorn's threads a worker.", "a whole number from 1 to 64", 4, 4, wholeNumber(1, 64)),
    cpus: setting("CPUs that a replica may use.", cpuNumbers, 1, 1, asCpus),
    memory: setting("Memory that a replica may use.", sizes, 512, 512, asMegabytes),
    env: setting<Readonly<Record<string, string>>>("Environment of Django; nothing secret.", environments, {}, {}, asPlainEnvironment),
    healthPath: setting(
      "Path that answers 200 while the process works.",
      "a path that starts with / and has no spaces, quotes or control characters",
      "/healthz",
      "/healthz",
      matching(/^\/[\w\-.~/%]*$/),
    ),
    staticRoot: setting(
      "Where the image holds what collectstatic gathered.",
      "an absolute path",
      "/srv/static",
      "/srv/static",
      matching(/^(\/[\w.-]+)+$/),
    ),
    sourceRoot: setting(
      "Where runserver's container sees the context folder.",
      "an absolute path",
      "/srv/app",
      "/srv/app",
      matching(/^(\/[\w.-]+)+$/),
    ),
    startSeconds: setting("How long a replica may take until it answers.", "a whole number from 5 to 3600", 90, 90, wholeNumber(5, 3600)),
    releaseTimeoutSeconds: setting("How long migrations may take.", "a whole number from 1 to 86400", 300, 300, wholeNumber(1, 86400)),
    drainSeconds: setting(
      "How long a replaced replica goes on serving; longer than keepalive_min_timeout's 5 s.",
      "a whole number from 6 to 600",
      8,
      8,
      wholeNumber(6, 600),
    ),
    requestGraceSeconds: setting("How long a request may run.", "a whole number from 1 to 3600", 30, 30, wholeNumber(1, 3600)),
    devServerPort: setting<number | undefined>("Port of runserver on 127.0.0.1.", portOrNone, 8000, undefined, orNone(port)),
  },
  secretEnv: setting<Readonly<Record<string, string>>>(
    "Secret environment of Django, delivered as files that NAME_FILE names.",
    environments,
    {},
    {},
    asEnvironment,
  ),
  postgres: {
    version: setting("Major version; part of the data volume's name.", "a whole number from 14 to 18", 18, 18, wholeNumber(14, 18)),
    cpus: setting("CPUs that Postgres may use.", cpuNumbers, 1, 2, asCpus),
    memory: setting("Memory that Postgres may use.", sizes, 512, 1024, asMegabytes),
    publishPort: setting<number | undefined>("Port of Postgres on 127.0.0.1.", portOrNone, 5432, undefined, orNone(port)),
  },
  nginx: {
    workerConnections: setting("Connections a worker process.", "a whole number from 64 to 8192", 1024, 1024, wholeNumber(64, 8192)),
    keepaliveSeconds: setting("How long an idle client connection stays.", "a whole number from 5 to 3600", 65, 65, wholeNumber(5, 3600)),
    maxBodySize: setting("Largest request body.", "a size such as 512k, 10m or 1g", "10m", "10m", matching(/^[1-9]\d{0,5}[kmg]$/)),
    cpus: setting("CPUs that nginx may use.", cpuNumbers, 1, 1, asCpus),
    memory: setting("Memory that nginx may use.", sizes, 256, 256, asMegabytes),
  },
  secrets: {
    databasePasswordVersion: setting(
      "Count up to rotate the database password.",
      "a whole number from 1 to 1000000",
      1,
      1,
      wholeNumber(1, 1_000_000),
    ),
    secretKeyVersion: setting("Count up to rotate Django's secret key.", "a whole number from 1 to 1000000", 1, 1, wholeNumber(1, 1_000_000)),
  },
  protectData: setting("Whether database and media outlive `npm run destroy`.", "true, false", false, true, asFlag),
  superuser: setting<{ readonly username: string; readonly email: string } | undefined>(
    "Administrator to create once; its password is an output.",
    "none, or { username, email }",
    undefined,
    undefined,
    asSuperuser,
  ),
};
