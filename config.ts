import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join, relative, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Owner } from "./components/labels.ts";
import { settings, type Setting } from "./settings.ts";

type Values<Table> = { readonly [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : Values<Table[Key]> };

/** What a stack's file may set; every key is documented in `settings.ts` and in the README's table. */
export type Settings = Values<typeof settings>;

/** The settings of this stack, complete and checked, with what follows from them; frozen. */
export interface Config extends Omit<Settings, "app" | "nginx" | "secretEnv"> {
  /** Name of the Pulumi stack. */
  readonly stack: string;
  /** `<name>-<stack>`: what every object on the Docker host begins with. */
  readonly prefix: string;
  /** Whose the objects on the Docker host are: the name, the stack and this checkout, by an id made once. */
  readonly owner: Owner;
  /** Address of the Docker engine when it isn't the default one, such as `ssh://root@server`. */
  readonly dockerHost: string | undefined;
  /** Scheme, domain and, where it isn't the scheme's own, port; no slash at the end. */
  readonly url: string;
  /** Origins, one a name of the site, that Django accepts forms from. */
  readonly origins: readonly string[];
  /** Names that Django answers to. */
  readonly allowedHosts: readonly string[];
  readonly nginx: Settings["nginx"] & {
    /** Size of its in-memory /tmp, in MiB. */
    readonly temporaryMegabytes: number;
  };
  readonly app: Settings["app"] & {
    /** Absolute path of the build context on this machine. */
    readonly contextPath: string;
    /** Whether the container serves the checkout's own source, writable, instead of the image's copy. */
    readonly mountSource: boolean;
    /** User and group id of the app's processes. */
    readonly uid: number;
    readonly gid: number;
    /** Processes and threads that one container of the app may have. */
    readonly processLimit: number;
    /** Size of its in-memory /tmp, in MiB. */
    readonly temporaryMegabytes: number;
    /** Worker processes a replica, `auto` resolved. */
    readonly workerCount: number;
    /** Whether nginx serves `/static/` from the volume; otherwise Django does. */
    readonly staticFromVolume: boolean;
    /** Django's DEBUG. */
    readonly debug: boolean;
  };
  /** Secret environment of Django by name; secret values. */
  readonly secretEnv: pulumi.Output<Readonly<Record<string, string>>>;
}

/** User id of the app's processes in an image that we don't know: above Debian's and Alpine's system ids. */
const appUserId = 10001;

const folder = import.meta.dirname;

/**
 * Reads, checks and completes the config of the current stack.
 *
 * @throws pulumi.RunError listing every problem with its path, the value got and the values allowed.
 */
export function loadConfig(): Config {
  const stack = pulumi.getStack();
  const project = pulumi.getProject();
  const problems: string[] = [];
  const given = readGiven(`${project}:`, problems);
  const environment = given.environment === "dev" ? "dev" : "prod";
  const name = typeof given.name === "string" ? given.name : project;
  const values = readTable(settings, given, "", environment, name, problems) as unknown as Settings;
  if (!/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/.test(stack)) {
    problems.push(problem("stack name", stack, "1 to 20 lower-case letters, digits and inner hyphens", "pulumi stack rename <new name>"));
  }
  const dockerHost = new pulumi.Config("docker").get("host") ?? process.env.DOCKER_HOST;
  if (problems.length === 0) problems.push(...crossChecks(values, given, dockerHost));
  if (problems.length > 0) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    throw new pulumi.RunError(
      `config of stack ${stack} (Pulumi.${stack}.yaml) has ${count}; nothing was touched:\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
  }
  return freeze(complete(values, stack, dockerHost));
}

/** Share of a service's memory that its /tmp may take; what lies there counts as memory of the service. */
const temporarySpace = { nginx: 1 / 2, app: 1 / 4 };

/** Returns MiB from a size in nginx's way, such as `512k`, `10m` or `1g`. */
function megabytes(size: string): number {
  return Number(size.slice(0, -1)) * { k: 1 / 1024, m: 1, g: 1024 }[size.slice(-1) as "k" | "m" | "g"];
}

function complete(values: Settings, stack: string, dockerHost: string | undefined): Config {
  const { app, domain, aliases } = values;
  const secure = values.httpsPort !== undefined;
  const port = secure ? (values.httpsPort ?? 443) : values.httpPort;
  const scheme = secure ? "https" : "http";
  const suffix = port === (secure ? 443 : 80) ? "" : `:${port}`;
  const contextPath = resolve(folder, app.context);
  const develops = app.server === "runserver";
  // What runserver and makemigrations write must belong to whoever owns the checkout.
  const owner = develops ? statSync(contextPath) : { uid: appUserId, gid: appUserId };
  const workerCount = app.workers === "auto" ? Math.floor(2 * app.cpus) + 1 : app.workers;
  const local = app.devServerPort === undefined ? [] : [`http://localhost:${app.devServerPort}`];
  return {
    ...values,
    bindAddress: remote(dockerHost) || hasIpv6() ? values.bindAddress : values.bindAddress.filter((address) => address !== "::"),
    stack,
    prefix: `${values.name}-${stack}`,
    owner: { name: values.name, stack, checkout: checkoutId() },
    dockerHost,
    url: `${scheme}://${domain}${suffix}`,
    origins: [...[domain, ...aliases].map((host) => `${scheme}://${host}${suffix}`), ...local],
    allowedHosts: [...new Set([domain, ...aliases, ...(develops ? ["localhost", "127.0.0.1", "[::1]"] : [])])],
    app: {
      ...app,
      contextPath,
      mountSource: develops,
      uid: owner.uid,
      gid: owner.gid,
      // The owner of a checkout has a desktop's processes beside the app's, and the user's limit is a multiple of this one.
      processLimit: develops ? 8192 : 512 + workerCount * (app.threads + 2),
      workerCount,
      temporaryMegabytes: Math.floor(temporarySpace.app * app.memory),
      staticFromVolume: !develops,
      debug: develops,
    },
    nginx: { ...values.nginx, temporaryMegabytes: Math.floor(temporarySpace.nginx * values.nginx.memory) },
    secretEnv: pulumi.secret(values.secretEnv),
  };
}

function remote(dockerHost: string | undefined): boolean {
  return dockerHost !== undefined && !dockerHost.startsWith("unix://");
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === "IPv6"));
}

function readGiven(prefix: string, problems: string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    const setting = (settings as Record<string, unknown>)[name];
    const scalar = setting !== undefined && isSetting(setting) && !/^\s*[[{]/.test(text);
    try {
      given[name] = scalar ? text : JSON.parse(text);
    } catch {
      given[name] = text;
    }
    if (isSecret(key) && name !== "secretEnv") {
      problems.push(
        `${name}: should not hold a secret, it would be readable on the Docker host; fix: pulumi config rm ${key}, then pulumi config set --secret --path '${prefix}secretEnv.NAME'`,
      );
    }
  }
  return given;
}

/** Whether a key was set with --secret; the SDK has the answer and leaves it out of its types. */
const isSecret = (pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean }).isConfigSecret;

type Table = { readonly [key: string]: Setting<unknown> | Table };

function isSetting(entry: unknown): entry is Setting<unknown> {
  return typeof (entry as Setting<unknown>).parse === "function";
}

function readTable(table: Table, given: Record<string, unknown>, path: string, environment: "dev" | "prod", name: string, problems: string[]) {
  const values: Record<string, unknown> = {};
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(table, key)) {
      problems.push(problem(`${path}${key}`, given[key], `one of ${Object.keys(table).join(", ")}`, "remove it or correct its name", "key"));
    }
  }
  for (const [key, entry] of Object.entries(table)) {
    const value = given[key];
    if (!isSetting(entry)) {
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      if (value !== undefined && !isObject) problems.push(problem(`${path}${key}`, value, `an object with ${Object.keys(entry).join(", ")}`));
      values[key] = readTable(entry, isObject ? (value as Record<string, unknown>) : {}, `${path}${key}.`, environment, name, problems);
    } else if (value === undefined) {
      const byDefault = entry[environment];
      values[key] = typeof byDefault === "function" ? (byDefault as (name: string) => unknown)(name) : byDefault;
      if (key === "name" && path === "") readValue(entry, values[key], key, problems);
    } else {
      values[key] = readValue(entry, value, `${path}${key}`, problems);
    }
  }
  return values;
}

function readValue(entry: Setting<unknown>, value: unknown, path: string, problems: string[]): unknown {
  try {
    return entry.parse(value);
  } catch (error) {
    const shown = path === "secretEnv" ? "[secret]" : value;
    problems.push(problem(path, shown, entry.allowed, (error as Error).message));
    return undefined;
  }
}

function problem(path: string, value: unknown, allowed: string, fix = "", noun = "value"): string {
  const got = noun === "key" ? "unknown key" : `got ${JSON.stringify(value)}`;
  return `${path}: ${got}; allowed: ${allowed}${fix === "" ? "" : `; fix: ${fix}`}`;
}

function crossChecks(values: Settings, given: Record<string, unknown>, dockerHost: string | undefined): string[] {
  const { app, tls, httpPort, httpsPort, environment, bindAddress, postgres, nginx } = values;
  const problems: string[] = [];
  const context = resolve(folder, app.context);
  if (!existsSync(context) || !statSync(context).isDirectory()) {
    problems.push(problem("app.context", app.context, `a folder; ${context} isn't one`, "name the folder of your Django project"));
  } else if (!existsSync(join(context, app.dockerfile))) {
    problems.push(problem("app.dockerfile", app.dockerfile, `a file in ${app.context}; it isn't there`, "add the Dockerfile or correct its name"));
  }
  if (tls.mode === "off" && httpsPort !== undefined && given.httpsPort === undefined) {
    problems.push(problem("tls.mode", "off", "off only with httpsPort none", "set httpsPort to none"));
  } else if ((tls.mode === "off") !== (httpsPort === undefined)) {
    problems.push(problem("httpsPort", httpsPort ?? "none", tls.mode === "off" ? "none with tls.mode off" : `a port with tls.mode ${tls.mode}`));
  }
  const loopback = bindAddress.every((address) => address === "::1" || address.startsWith("127."));
  if (environment === "prod" && tls.mode === "off" && !loopback) {
    problems.push(
      problem(
        "tls.mode",
        "off",
        "self-signed, or off with bindAddress 127.0.0.1, where environment is prod",
        "passwords would cross the network in clear",
      ),
    );
  }
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

/** Reads the id in `.state/checkout`, which is written once. */
function checkoutId(): string {
  const path = join(folder, ".state", "checkout");
  if (!existsSync(path)) {
    mkdirSync(join(folder, ".state"), { recursive: true });
    writeFileSync(path, `${randomBytes(6).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  }
  const id = readFileSync(path, "utf8").trim();
  if (!/^[0-9a-f]{12}$/.test(id)) {
    throw new pulumi.RunError(
      `${relative(folder, path)}: got ${JSON.stringify(id)}; allowed: 12 hexadecimal digits; fix: restore the file, or remove it to start as a new checkout`,
    );
  }
  return id;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !pulumi.Output.isInstance(value) && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}
