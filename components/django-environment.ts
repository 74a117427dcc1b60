import { createHmac } from "node:crypto";
import type { ServerCommandArgs } from "./server-command.ts";

export interface DjangoEnvironmentArgs {
  readonly allowedHosts: readonly string[];
  /** Origins, scheme and port included, that forms are accepted from. */
  readonly origins: readonly string[];
  readonly debug: boolean;
  /** Whether browsers come over TLS. */
  readonly https: boolean;
  /** Where the image holds what collectstatic gathered. */
  readonly staticRoot: string;
  readonly drainSeconds: number;
  readonly server: ServerCommandArgs["server"];
  readonly workerClass: ServerCommandArgs["workerClass"];
  readonly databaseHost: string;
  readonly databasePort: number;
  readonly databaseName: string;
  readonly databaseUser: string;
  /** The user's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the secret files. */
  readonly secretNames: readonly string[];
  /** Folder of the secret files inside the container. */
  readonly secretsFolder: string;
}

/** Returns Django's environment as `NAME=value`, sorted by name, so that equal settings are equal inputs; it holds no secret. */
export function renderDjangoEnvironment(args: DjangoEnvironmentArgs): string[] {
  const environment: Record<string, string> = {
    CONN_MAX_AGE: String(connectionSeconds(args)),
    ...args.env,
    ALLOWED_HOSTS: args.allowedHosts.join(","),
    CSRF_TRUSTED_ORIGINS: args.origins.join(","),
    DATABASE_HOST: args.databaseHost,
    DATABASE_NAME: args.databaseName,
    DATABASE_PORT: String(args.databasePort),
    DATABASE_USER: args.databaseUser,
    DEBUG: args.debug ? "true" : "false",
    DRAIN_SECONDS: String(args.drainSeconds),
    // The root file system is read-only and the user has no home in the image.
    HOME: "/tmp",
    HTTPS: args.https ? "true" : "false",
    MEDIA_ROOT: mediaPath,
    STATIC_ROOT: args.staticRoot,
    TMPDIR: temporaryPath,
  };
  for (const name of args.secretNames) environment[`${name}_FILE`] = `${args.secretsFolder}/${name}`;
  return Object.keys(environment)
    .sort()
    .map((name) => `${name}=${environment[name]}`);
}

/**
 * Returns how long a thread may keep its connection to the database, in seconds.
 *
 * Under uvicorn and gevent each request has a thread of its own. Of the sample, asked by 8 clients at once, up to 88 and 97 connections were open, and
 * of 1,500 requests 83 and 100 got 503 once Postgres, with its default of 100, had none left. With none kept: 7 at most, no failure, no slower.
 */
function connectionSeconds({ server, workerClass }: Pick<DjangoEnvironmentArgs, "server" | "workerClass">): number {
  return server === "gunicorn" && (workerClass === "gthread" || workerClass === "sync") ? 60 : 0;
}

/** Where the volumes are, in the app and in nginx. */
export const staticPath = "/vol/web/static";
export const mediaPath = "/vol/web/media";
/** Where Python, and so Django with an upload of more than 2.5 MB, puts its temporary files. */
export const temporaryPath = "/vol/temporary";

export interface DjangoSecretsArgs {
  readonly secretKey: string;
  /** The key before and the one after, then those from elsewhere. */
  readonly secretKeyFallbacks: readonly string[];
  readonly databasePassword: string;
  readonly databaseHost: string;
  readonly databasePort: number;
  readonly databaseName: string;
  readonly databaseUser: string;
  /** Password of the superuser to create; undefined when there is none. */
  readonly superuserPassword: string | undefined;
  /** The user's own secret environment. */
  readonly secretEnv: Readonly<Record<string, string>>;
}

/** Returns the secrets that Django needs, by name. */
export function djangoSecrets(args: DjangoSecretsArgs): Record<string, string> {
  return {
    ...args.secretEnv,
    DATABASE_PASSWORD: args.databasePassword,
    DATABASE_URL: `postgres://${args.databaseUser}:${args.databasePassword}@${args.databaseHost}:${args.databasePort}/${args.databaseName}`,
    SECRET_KEY: args.secretKey,
    SECRET_KEY_FALLBACKS: args.secretKeyFallbacks.join(","),
    ...(args.superuserPassword === undefined ? {} : { DJANGO_SUPERUSER_PASSWORD: args.superuserPassword }),
  };
}

/**
 * Returns an id of files that changes with any of them and tells nothing about them: an HMAC under a strong random key.
 *
 * A folder named like that keeps an older replica's secrets in place while a newer one's arrive.
 */
export function secretFilesId(key: string, files: Readonly<Record<string, string>>): string {
  const sorted = Object.keys(files)
    .sort()
    .map((name) => [name, files[name]]);
  return createHmac("sha256", key).update(JSON.stringify(sorted)).digest("hex").slice(0, 12);
}
