import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { join, relative, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { backupOf, type BackupConfig } from "./backup-config.ts";
import { lastDay } from "./certificate-check.ts";
import type { Owner } from "./components/labels.ts";
import { crossChecks, remote, workerCountOf } from "./config-checks.ts";
import { problem } from "./config-problem.ts";
import type { MaintenanceArgs } from "./nginx/access.ts";
import type { AcmeArgs } from "./nginx/acme.ts";
import type { CacheArgs } from "./nginx/cache.ts";
import { readOwnFile } from "./own-files.ts";
import { settings } from "./settings.ts";
import type { Setting } from "./settings/setting.ts";
import { acmeOf, providedCertificate } from "./tls-checks.ts";

type Values<Table> = { readonly [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : Values<Table[Key]> };

/** What a stack's file may set; every key is documented in `settings.ts` and in the README's table. */
export type Settings = Values<typeof settings>;

/** The settings of this stack, complete and checked, with what follows from them; frozen. */
export interface Config extends Omit<
  Settings,
  "app" | "backup" | "cache" | "checkout" | "maintenance" | "nginx" | "robots" | "secretEnv" | "secrets" | "tls"
> {
  /** Name of the Pulumi stack. */
  readonly stack: string;
  /** `<name>-<stack>`: what every object on the Docker host begins with. */
  readonly prefix: string;
  /** Whose the objects on the Docker host are: the name, the stack and this checkout, by an id made once. */
  readonly owner: Owner;
  /** Who brings the stack about; with export nobody does, it is only written down for Compose. */
  readonly runner: "pulumi" | "compose" | "export";
  /** Address of the Docker engine when it isn't the default one, such as `ssh://root@server`. */
  readonly dockerHost: string | undefined;
  /** Docker context that Pulumi's provider was told of, and where; undefined for none. */
  readonly dockerContext: { readonly name: string; readonly from: "docker:context" | "DOCKER_CONTEXT" } | undefined;
  /** Scheme, domain and, where it isn't the scheme's own, port; no slash at the end. */
  readonly url: string;
  /** Whether browsers come over TLS, whoever ends it. */
  readonly https: boolean;
  /** Where TLS ends and how; `provided` holds the certificate of tls.mode provided, `acme` the directory of tls.mode acme. */
  readonly tls: Pick<Settings["tls"], "mode" | "policy"> & {
    readonly provided: { readonly chain: string; readonly privateKey: pulumi.Output<string>; readonly notAfter: string } | undefined;
    readonly acme: AcmeArgs | undefined;
  };
  /** Origins, one a name of the site, that Django accepts forms from. */
  readonly origins: readonly string[];
  /** Names that nginx answers to, `*.` in front where all below one are meant. */
  readonly serverNames: readonly string[];
  /** The same as Django writes them, with nothing but the dot. */
  readonly allowedHosts: readonly string[];
  /** Which answers nginx keeps; undefined for none. */
  readonly cache: CacheArgs | undefined;
  /** Set while the site is closed. */
  readonly maintenance: MaintenanceArgs | undefined;
  /** Content of /robots.txt; undefined leaves it to Django. */
  readonly robots: string | undefined;
  readonly nginx: Settings["nginx"] & {
    /** The user's own directives, as their files hold them. */
    readonly snippets: { readonly http: string | undefined; readonly server: string | undefined };
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
  /** Backups of database and media; undefined for none. */
  readonly backup: BackupConfig | undefined;
  readonly secrets: Omit<Settings["secrets"], "secretKeyFallbacks"> & {
    /** Keys from elsewhere that Django accepts too; secret. */
    readonly secretKeyFallbacks: pulumi.Output<readonly string[]>;
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
  const dockerHost = new pulumi.Config("docker").get("host") ?? (process.env.DOCKER_HOST || undefined);
  if (problems.length === 0) problems.push(...crossChecks(values, given, dockerHost, folder));
  if (problems.length > 0) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    throw new pulumi.RunError(
      `config of stack ${stack} (Pulumi.${stack}.yaml) has ${count}; nothing was touched:\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
  }
  return freeze(complete(values, stack, dockerHost));
}

function complete(values: Settings, stack: string, dockerHost: string | undefined): Config {
  const { checkout, ...others } = values;
  const { app, domain, aliases } = others;
  const https = values.tls.mode !== "off";
  // A proxy that ends TLS in front of nginx has ports of its own.
  const port = https ? (values.httpsPort ?? 443) : values.httpPort;
  const scheme = https ? "https" : "http";
  const suffix = port === (https ? 443 : 80) ? "" : `:${port}`;
  const provided = providedCertificate(values, folder);
  const contextPath = resolve(folder, app.context);
  const develops = app.server === "runserver";
  // What runserver and makemigrations write must belong to whoever owns the checkout.
  const owner = develops ? statSync(contextPath) : { uid: appUserId, gid: appUserId };
  const read = (path: string | undefined) => (path === undefined ? undefined : readOwnFile(path, folder));
  const workerCount = workerCountOf(app);
  const bindAddress = remote(dockerHost) || hasIpv6() ? values.bindAddress : values.bindAddress.filter((address) => address !== "::");
  const local = app.devServerPort === undefined ? [] : [`http://localhost:${app.devServerPort}`];
  const serverNames = [...new Set([domain, ...aliases, ...(develops ? ["localhost", "127.0.0.1", "[::1]"] : [])])];
  return {
    ...others,
    bindAddress,
    ipv6ClientAddresses: values.ipv6ClientAddresses && bindAddress.some(isIPv6),
    stack,
    prefix: `${values.name}-${stack}`,
    owner: { name: values.name, stack, checkout: checkout ?? checkoutId() },
    runner: new pulumi.Config("compose").get<"compose" | "export">("runner") ?? "pulumi",
    dockerHost,
    dockerContext: dockerContext(),
    https,
    tls: {
      mode: values.tls.mode,
      policy: values.tls.policy,
      provided: provided && {
        chain: provided.certificate,
        privateKey: pulumi.secret(provided.privateKey),
        notAfter: lastDay(provided.certificate),
      },
      acme: acmeOf(values, folder),
    },
    url: `${scheme}://${domain}${suffix}`,
    origins: [...[domain, ...aliases].map((host) => `${scheme}://${host}${suffix}`), ...local],
    serverNames,
    allowedHosts: serverNames.map((name) => name.replace(/^\*/, "")),
    app: {
      ...app,
      contextPath,
      mountSource: develops,
      uid: owner.uid,
      gid: owner.gid,
      // The owner of a checkout has a desktop's processes beside the app's, and the user's limit is a multiple of this one.
      processLimit: develops ? 8192 : 512 + workerCount * (app.threads + 2),
      workerCount,
      // What lies there counts as memory of the replica; uploads don't.
      temporaryMegabytes: Math.floor(app.memory / 4),
      staticFromVolume: !develops,
      debug: develops,
    },
    cache: values.cache.enabled ? values.cache : undefined,
    maintenance: values.maintenance.enabled ? values.maintenance : undefined,
    robots: values.robots === "deny" ? "User-agent: *\nDisallow: /\n" : read(values.robots),
    nginx: {
      ...values.nginx,
      snippets: { http: read(values.nginx.httpSnippet), server: read(values.nginx.serverSnippet) },
    },
    backup: values.backup.enabled ? backupOf(values.backup, folder) : undefined,
    secretEnv: pulumi.secret(values.secretEnv),
    secrets: { ...values.secrets, secretKeyFallbacks: pulumi.secret(values.secrets.secretKeyFallbacks) },
  };
}

function dockerContext(): Config["dockerContext"] {
  const given = new pulumi.Config("docker").get("context");
  if (given) return { name: given, from: "docker:context" };
  return process.env.DOCKER_CONTEXT ? { name: process.env.DOCKER_CONTEXT, from: "DOCKER_CONTEXT" } : undefined;
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === "IPv6"));
}

function readGiven(prefix: string, problems: string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (!key.startsWith(prefix)) {
      // Of another program's keys nothing is known here; these are meant for this one.
      if (/^django[-_ ]?stack:/i.test(key)) problems.push(foreignKey(key, prefix));
      continue;
    }
    const name = key.slice(prefix.length);
    const setting = (settings as Record<string, unknown>)[name];
    const scalar = setting !== undefined && isSetting(setting) && !/^\s*[[{]/.test(text);
    try {
      given[name] = scalar ? text : JSON.parse(text);
    } catch {
      given[name] = text;
    }
    if (isSecret(key) && !["backup", "secretEnv", "secrets", "tls"].includes(name)) {
      problems.push(
        `${name}: should not hold a secret, it would be readable on the Docker host; fix: pulumi config rm ${key}, then pulumi config set --secret --path '${prefix}secretEnv.NAME'`,
      );
    }
  }
  return given;
}

function foreignKey(key: string, prefix: string): string {
  const right = `${prefix}${key.slice(key.indexOf(":") + 1)}`;
  return problem(key, undefined, `keys that begin with the name in Pulumi.yaml, ${prefix}`, `write ${right}`, "key");
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
      if (value !== undefined && !isObject) {
        const shown = /PRIVATE KEY/.test(String(value)) ? "[secret]" : value;
        problems.push(problem(`${path}${key}`, shown, `an object with ${Object.keys(entry).join(", ")}`));
      }
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

/** Settings whose values no error shows. */
const secretPaths = ["backup.credentials", "backup.passphrase", "backup.sshKey", "secretEnv", "secrets.secretKeyFallbacks", "tls.privateKey"];

function readValue(entry: Setting<unknown>, value: unknown, path: string, problems: string[]): unknown {
  try {
    return entry.parse(value);
  } catch (error) {
    const shown = secretPaths.includes(path) ? "[secret]" : value;
    problems.push(problem(path, shown, entry.allowed, (error as Error).message));
    return undefined;
  }
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
