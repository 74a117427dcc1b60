import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { certificateProblems } from "./certificate-check.ts";
import type { Settings } from "./config.ts";
import type { AcmeArgs } from "./nginx/acme.ts";

/**
 * Returns what is wrong with values that are right each for itself, one line a problem.
 *
 * @param given the keys that the stack's file holds.
 * @param folder the checkout.
 */
export function crossChecks(values: Settings, given: Record<string, unknown>, dockerHost: string | undefined, folder: string): string[] {
  const { app, httpPort, httpsPort, environment, postgres, nginx } = values;
  const problems: string[] = [];
  const context = resolve(folder, app.context);
  if (!existsSync(context) || !statSync(context).isDirectory()) {
    problems.push(problem("app.context", app.context, `a folder; ${context} isn't one`, "name the folder of your Django project"));
  } else if (!existsSync(join(context, app.dockerfile))) {
    problems.push(problem("app.dockerfile", app.dockerfile, `a file in ${app.context}; it isn't there`, "add the Dockerfile or correct its name"));
  }
  problems.push(...tlsChecks(values, given, folder));
  if (environment === "prod" && app.server === "runserver") {
    problems.push(problem("app.server", app.server, "gunicorn where environment is prod", "runserver is for development only"));
  }
  if (app.server === "runserver" && remote(dockerHost)) {
    problems.push(
      problem(
        "app.server",
        app.server,
        `gunicorn with a remote Docker engine (${dockerHost})`,
        "runserver needs the source on the engine's own machine",
      ),
    );
  }
  if (app.devServerPort !== undefined && app.server !== "runserver") {
    problems.push(problem("app.devServerPort", app.devServerPort, "none with app.server gunicorn"));
  }
  if (app.devServerPort !== undefined && app.server === "runserver" && app.replicas > 1) {
    problems.push(problem("app.replicas", app.replicas, "1 where app.devServerPort is set", "set app.devServerPort to none"));
  }
  const files = {
    robots: values.robots === "deny" ? undefined : values.robots,
    "nginx.httpSnippet": nginx.httpSnippet,
    "nginx.serverSnippet": nginx.serverSnippet,
  };
  for (const [path, file] of Object.entries(files)) {
    if (file !== undefined && readOwnFile(file, folder) === undefined)
      problems.push(problem(path, file, "a file that can be read; it isn't there", "correct the path: it begins at the checkout"));
  }
  const largestBody = Math.min(temporarySpace.nginx * nginx.memory, temporarySpace.app * app.memory);
  if (megabytes(nginx.maxBodySize) > largestBody) {
    problems.push(
      problem(
        "nginx.maxBodySize",
        nginx.maxBodySize,
        `at most ${largestBody}m: half of nginx.memory and a quarter of app.memory, where uploads are kept on their way`,
        "lower it, or raise nginx.memory and app.memory",
      ),
    );
  }
  if (environment === "prod" && postgres.publishPort !== undefined) {
    problems.push(
      problem(
        "postgres.publishPort",
        postgres.publishPort,
        "none where environment is prod",
        "reach the database with the commands output's `manage`",
      ),
    );
  }
  const published = { httpPort, httpsPort, "app.devServerPort": app.devServerPort, "postgres.publishPort": postgres.publishPort };
  const seen = new Map<number, string>();
  for (const [path, port] of Object.entries(published)) {
    if (port === undefined) continue;
    const other = seen.get(port);
    if (other !== undefined) problems.push(problem(path, port, `a port that ${other} doesn't use`));
    seen.set(port, path);
  }
  return problems;
}

/** Names that no public authority signs for: RFC 6761, 6762, 8375, 9476, and ICANN's .internal. */
const privateNames = /(^|\.)(localhost|local|test|example|invalid|internal|onion|home\.arpa|alt)$/;

function acmeChecks(values: Settings, folder: string): string[] {
  const { acme } = values.tls;
  const problems: string[] = [];
  if (values.app.server === "runserver")
    problems.push(problem("tls.mode", "acme", "another mode with app.server runserver", "nginx would ask for a certificate for localhost"));
  if (acme.authority !== undefined) {
    const authority = readPem(acme.authority, folder);
    if (authority === undefined)
      problems.push(
        problem("tls.acme.authority", acme.authority, "a file that can be read; it isn't there", "correct the path: it begins at the checkout"),
      );
    // nginx's module dies without a word of a file that it can't use.
    else if (!isCertificate(authority)) problems.push(problem("tls.acme.authority", "no certificate", "a certificate, PEM"));
  }
  if (acme.directory !== undefined) {
    if (acme.production)
      problems.push(problem("tls.acme.production", true, "false with tls.acme.directory", "it chooses between Let's Encrypt's two"));
    return problems;
  }
  for (const [key, names] of Object.entries({ domain: [values.domain], aliases: values.aliases, redirects: values.redirects })) {
    for (const name of names) {
      if (!name.includes(".") || privateNames.test(name))
        problems.push(problem(key, name, "a public name with tls.mode acme", "register one, or set tls.mode to self-signed"));
    }
  }
  if (values.httpPort !== 80)
    problems.push(problem("httpPort", values.httpPort, "80 with tls.mode acme", "Let's Encrypt asks for its proof on port 80"));
  if (onLoopback(values))
    problems.push(problem("bindAddress", values.bindAddress, "an address that Let's Encrypt reaches with tls.mode acme", "remove it"));
  return problems;
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== "";
  } catch {
    return false;
  }
}

function onLoopback({ bindAddress }: Pick<Settings, "bindAddress">): boolean {
  return bindAddress.every((address) => address === "::1" || address.startsWith("127."));
}

function tlsChecks(values: Settings, given: Record<string, unknown>, folder: string): string[] {
  const { tls, httpsPort, environment, trustedProxies } = values;
  const { mode } = tls;
  const problems: string[] = [];
  const ends = mode === "self-signed" || mode === "provided" || mode === "acme";
  if (!ends && httpsPort !== undefined && given.httpsPort === undefined) {
    problems.push(problem("tls.mode", mode, `${mode} only with httpsPort none`, "set httpsPort to none"));
  } else if (ends === (httpsPort === undefined)) {
    problems.push(problem("httpsPort", httpsPort ?? "none", ends ? `a port with tls.mode ${mode}` : `none with tls.mode ${mode}`));
  }
  if (environment === "prod" && mode === "off" && !onLoopback(values)) {
    problems.push(
      problem(
        "tls.mode",
        "off",
        "self-signed, provided, acme or outer, or off with bindAddress 127.0.0.1, where environment is prod",
        "passwords would cross the network in clear",
      ),
    );
  }
  if (mode === "outer" && trustedProxies.length === 0) {
    problems.push(
      problem("trustedProxies", [], "at least one address or range with tls.mode outer", "give the addresses of the proxy that ends TLS"),
    );
  }
  for (const key of ["certificate", "privateKey"] as const) {
    const value = tls[key];
    if (mode === "provided" && value === undefined) problems.push(problem(`tls.${key}`, "none", "a path or a PEM text with tls.mode provided"));
    if (mode !== "provided" && value !== undefined) {
      problems.push(problem(`tls.${key}`, "a value", `none with tls.mode ${mode}`, "set tls.mode to provided, or remove it"));
    }
    if (mode === "provided" && value !== undefined && readPem(value, folder) === undefined) {
      // A key's text that lost its first line looks like a path.
      const shown = key === "privateKey" && value.length > 100 ? "[secret]" : value;
      problems.push(problem(`tls.${key}`, shown, "a file that can be read; it isn't there", "correct the path: it begins at the checkout"));
    }
  }
  if (mode === "acme") problems.push(...acmeChecks(values, folder));
  const provided = mode === "provided" ? providedCertificate(values, folder) : undefined;
  if (provided !== undefined) {
    const names = [values.domain, ...values.aliases, ...values.redirects];
    for (const { key, got, allowed, fix } of certificateProblems(provided, names, new Date())) {
      problems.push(`${key}: got ${got}; allowed: ${allowed}; fix: ${fix}`);
    }
  }
  return problems;
}

/** Returns the certificate and key of tls.mode provided, PEM; undefined in other modes and where one can't be read. */
export function providedCertificate({ tls }: Pick<Settings, "tls">, folder: string): { certificate: string; privateKey: string } | undefined {
  if (tls.mode !== "provided") return undefined;
  const certificate = readPem(tls.certificate, folder);
  const privateKey = readPem(tls.privateKey, folder);
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

/** Let's Encrypt's two ACME directories. */
export const letsEncrypt = {
  production: "https://acme-v02.api.letsencrypt.org/directory",
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** Returns where nginx gets its certificates with tls.mode acme; undefined in other modes. */
export function acmeOf({ tls }: Pick<Settings, "tls">, folder: string): AcmeArgs | undefined {
  if (tls.mode !== "acme") return undefined;
  const { production, directory, contact, authority } = tls.acme;
  return {
    directory: directory ?? letsEncrypt[production ? "production" : "staging"],
    contact,
    authority: readPem(authority, folder),
  };
}

function readPem(value: string | undefined, folder: string): string | undefined {
  if (value === undefined || value.includes("-----BEGIN ")) return value;
  return readOwnFile(value, folder);
}

/** Returns a file of the user's own; undefined where it can't be read. */
export function readOwnFile(value: string, folder: string): string | undefined {
  const path = resolve(folder, value);
  return existsSync(path) && statSync(path).isFile() ? readFileSync(path, "utf8") : undefined;
}

/** Share of a service's memory that its /tmp may take; what lies there counts as memory of the service. */
export const temporarySpace = { nginx: 1 / 2, app: 1 / 4 };

/** Returns MiB from a size in nginx's way, such as `512k`, `10m` or `1g`. */
function megabytes(size: string): number {
  return Number(size.slice(0, -1)) * { k: 1 / 1024, m: 1, g: 1024 }[size.slice(-1) as "k" | "m" | "g"];
}

/** Whether an engine is on another machine. */
export function remote(dockerHost: string | undefined): boolean {
  return dockerHost !== undefined && !dockerHost.startsWith("unix://");
}

export function problem(path: string, value: unknown, allowed: string, fix = "", noun = "value"): string {
  const got = noun === "key" ? "unknown key" : `got ${JSON.stringify(value)}`;
  return `${path}: ${got}; allowed: ${allowed}${fix === "" ? "" : `; fix: ${fix}`}`;
}
