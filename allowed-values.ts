import { isIP } from "node:net";
import { domainToASCII } from "node:url";

export function refuse(fix = ""): never {
  throw new Error(fix);
}

export function asText(value: unknown): string {
  return typeof value === "string" && value !== "" ? value : refuse();
}

export function matching(pattern: RegExp): (value: unknown) => string {
  return (value) => (pattern.test(asText(value)) ? asText(value) : refuse());
}

export function asNumber(value: unknown): number {
  const number = typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : refuse();
}

export function wholeNumber(minimum: number, maximum: number): (value: unknown) => number {
  return (value) => {
    const number = asNumber(value);
    return Number.isInteger(number) && number >= minimum && number <= maximum ? number : refuse();
  };
}

export function oneOf<const T extends string>(...values: T[]): { allowed: string; parse: (value: unknown) => T } {
  return {
    allowed: values.join(", "),
    parse: (value) => values.find((candidate) => candidate === value) ?? refuse(),
  };
}

export function asObject(value: unknown): Record<string, unknown> {
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

/** Returns a hostname, or `*.` and one, for every name below that. */
export function asHostnames(value: unknown): string {
  const [, domain] = /^\*\.(.*)$/s.exec(asText(value)) ?? [];
  if (domain === undefined) return asHostname(value);
  return domain.includes(".") ? `*.${asHostname(domain)}` : refuse("give a domain of two labels at least, as in *.shop.example");
}

export const hostnames = "a hostname: labels of letters, digits and inner hyphens, separated by dots";

export function listOf<T>(parse: (value: unknown) => T): (value: unknown) => readonly T[] {
  return (value) => (Array.isArray(value) ? value.map(parse) : refuse());
}

export function asAddress(value: unknown): string {
  return isIP(asText(value)) === 0 ? refuse() : asText(value);
}

/** Returns an address or a range of them, such as `10.0.0.0/8`. */
export function asAddressRange(value: unknown): string {
  const [, address, length] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(asText(value)) ?? refuse();
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return bits >= 0 && Number(length ?? 0) <= bits ? asText(value) : refuse();
}

/** Returns whose word on the client counts: an address, a range, or `host` for what runs on the Docker host itself. */
export const asTrustedProxy = (value: unknown): string => (value === "host" ? value : asAddressRange(value));
export const trustedProxies = "a list of addresses, of ranges such as 10.0.0.0/8, or host for a proxy on the Docker host itself";

export const addressRanges = "a list of addresses, or of ranges such as 10.0.0.0/8";

export function orNone<T>(parse: (value: unknown) => T): (value: unknown) => T | undefined {
  return (value) => (value === "none" ? undefined : parse(value));
}

export const port = wholeNumber(1, 65535);
export const ports = "a port from 1 to 65535";
export const portOrNone = `${ports}, or none`;

/** Returns megabytes (MiB) from a size such as `512m` or `2g`. */
export function asMegabytes(value: unknown): number {
  const match = /^(\d{1,6})([mg])$/i.exec(asText(value)) ?? refuse();
  const megabytes = Number(match[1]) * (match[2].toLowerCase() === "g" ? 1024 : 1);
  return megabytes >= 64 ? megabytes : refuse();
}

export const sizes = "a size such as 512m or 2g, 64m or more";

export function asCpus(value: unknown): number {
  const cpus = asNumber(value);
  return cpus >= 0.1 && cpus <= 256 ? cpus : refuse();
}

export const cpuNumbers = "a number of CPUs from 0.1 to 256";

/** Names that the stack itself sets in the app's containers. */
export const reservedEnvironment = [
  "ALLOWED_HOSTS", "CACHE_SESSION_COOKIES", "CSRF_TRUSTED_ORIGINS", "DATABASE_HOST", "DATABASE_NAME", "DATABASE_PASSWORD", "DATABASE_PORT", "DATABASE_URL",
  "DATABASE_USER", "DEBUG", "DRAIN_SECONDS", "HEALTH_PATH", "HOME", "HTTPS", "LOGIN_PATHS", "MEDIA_ROOT", "RELEASE_TIMEOUT_SECONDS", "SECRET_KEY",
  "SECRET_KEY_FALLBACKS", "STATIC_ROOT", "STATIC_SOURCE", "TMPDIR", "WORKER_CLASS", "WSGI_MODULE",
]; // prettier-ignore

export function asEnvironment(value: unknown): Readonly<Record<string, string>> {
  return asNamedTexts(value, (name) => reservedEnvironment.includes(name.replace(/_FILE$/, "")));
}

/** Returns values of a Dockerfile's ARGs, but for those by which the stack knows its own images. */
export function asBuildArguments(value: unknown): Readonly<Record<string, string>> {
  return asNamedTexts(value, (name) => name.startsWith("DJANGO_STACK_"));
}

function asNamedTexts(value: unknown, isOurs: (name: string) => boolean): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(value)).map(([name, content]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) refuse(`rename ${JSON.stringify(name)}`);
    if (isOurs(name)) refuse(`remove ${name}: the stack sets it`);
    if (!["string", "number", "boolean"].includes(typeof content)) refuse(`give ${name} a text, a number, true or false`);
    if (String(content).includes("\0")) refuse(`give ${name} a value without NUL characters`);
    return [name, String(content)] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Of the lines of a longer value, one could be taken for a variable of its own. */
export function asPlainEnvironment(value: unknown): Readonly<Record<string, string>> {
  const environment = asEnvironment(value);
  for (const [name, content] of Object.entries(environment))
    if (/[\r\n]/.test(content)) refuse(`give ${name} a value of one line, or put it into secretEnv`);
  return environment;
}

export const environments = "names of letters, digits and underscores, each with a text, a number, true or false";

/** Returns an image's name: with a registry or without, with a tag, a digest or both. */
export const asImage = matching(
  /^(?=.{1,255}$)([a-z0-9][a-z0-9.-]*(:\d+)?\/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$/,
);
export const imageNames = "an image's name with its tag or digest, such as registry.example.com/postgres:18.1";

export function asFlag(value: unknown): boolean {
  return value === true || value === "true" ? true : value === false || value === "false" ? false : refuse();
}

export function asSuperuser(value: unknown): { readonly username: string; readonly email: string } | undefined {
  if (value === "none") return undefined;
  const { username, email, ...others } = asObject(value);
  if (Object.keys(others).length > 0) refuse(`remove ${Object.keys(others).join(", ")}`);
  if (!/^[\w.@+-]{1,150}$/.test(asText(username))) refuse();
  if (!/^[^\s@]+@[^\s@]+$/.test(asText(email))) refuse();
  return { username: asText(username), email: asText(email) };
}

export const environment = oneOf("dev", "prod");
export const tlsMode = oneOf("off", "self-signed", "provided", "acme", "outer");
export const tlsPolicy = oneOf("intermediate", "modern");
export const server = oneOf("runserver", "gunicorn");
export const workerClass = oneOf("sync", "gthread", "gevent", "uvicorn");
export const balancing = oneOf("least_conn", "round_robin", "ip_hash");

/** Returns the beginning of a path, such as `/admin/`, in which nothing has a meaning of its own to nginx. */
export const asPath = matching(/^\/(?!.*\.\.)[\w.~/-]*$/);
export const paths = "paths that start with /, of letters, digits and ._~-";

/** Returns a whole path, in which a part between two slashes may be a star. */
export const asPathPattern = matching(/^(?!.*\.\.)(?:\/(?:\*|[\w.~-]*))+$/);
export const pathPatterns = `${paths}, * for any one part`;

/** Returns address lists by the beginning of a path. */
export function asAccessPaths(value: unknown): Readonly<Record<string, { readonly allow: readonly string[]; readonly deny: readonly string[] }>> {
  return Object.fromEntries(
    Object.entries(asObject(value)).map(([path, lists]) => {
      if (!/^\/./.test(path)) refuse(`give ${JSON.stringify(path)} a path of the site; access.allow and access.deny are for all of it`);
      if (/^\/(static|media|errors)(\/|$)/.test(path)) refuse(`leave out ${path}: nginx serves it by itself`);
      const { allow = [], deny = [], ...others } = asObject(lists);
      if (Object.keys(others).length > 0) refuse(`remove ${Object.keys(others).join(", ")} from ${path}`);
      return [asPath(path), { allow: listOf(asAddressRange)(allow), deny: listOf(asAddressRange)(deny) }];
    }),
  );
}

export const accessPaths = "paths such as /admin/, each with { allow: [addresses], deny: [addresses] }";

/** Returns the name for a password that the stack makes. */
export function asBasicAuth(value: unknown): { readonly username: string } | undefined {
  if (value === "none") return undefined;
  const { username, ...others } = asObject(value);
  if (Object.keys(others).length > 0) refuse(`remove ${Object.keys(others).join(", ")}; the password is made by the stack, and an output`);
  return { username: matching(/^[\w.@-]{1,64}$/)(username) };
}

/** Returns a header's value; nginx has no way to write a `$` as such. */
export const asHeader = matching(/^(?!.*\$)[\x20-\x7e]{1,4000}$/);
export const headerValues = "a line of printable ASCII characters without $, or off";

/** Returns the URL of an ACME directory. */
export function asDirectory(value: unknown): string {
  const text = asText(value);
  return URL.canParse(text) && /^https:\/\/[\w.-]+(:\d+)?\/[\w./~-]+$/.test(text) ? text : refuse();
}

export function asMailAddress(value: unknown): string {
  return matching(/^[\w.+-]+@[\w-]+(\.[\w-]+)*$/)(value);
}

/** Returns a PEM text, or the path of a file that holds one. */
export function asPem(value: unknown): string {
  const text = asText(value);
  return /[\0\r]/.test(text) || (text.includes("\n") && !text.includes("-----BEGIN "))
    ? refuse("begin with -----BEGIN, or give a path of one line")
    : text;
}

/** Returns times such as `02:30`, in order. */
export function asTimesOfDay(value: unknown): readonly string[] {
  const times = listOf(matching(/^([01]\d|2[0-3]):[0-5]\d$/))(typeof value === "string" ? [value] : value);
  return times.length === 0 ? refuse() : [...new Set(times)].sort();
}

export const timesOfDay = "a time from 00:00 to 23:59, or a list of them";

/** Returns where backups are kept: `volume`, a folder's absolute path, or restic's name of a place behind sftp or S3. */
export function asTarget(value: unknown): string {
  const target = asText(value);
  const places = [
    /^volume$/,
    /^(\/[\w.-]+)+$/,
    /^sftp:[\w.-]+@[\w.-]+:[\w./-]+$/,
    /^sftp:\/\/[\w.-]+@[\w.-]+:\d+\/[\w./-]+$/,
    /^s3:https?:\/\/[\w.-]+(:\d+)?\/[\w.-]+(\/[\w./-]*)?$/,
  ];
  return places.some((place) => place.test(target)) && !/(^|\/)\.\.(\/|$)/.test(target) ? target : refuse();
}

export const targets = "volume, an absolute path, sftp:user@host:/path, sftp://user@host:port//path, or s3:https://host/bucket/path";
