import { existsSync, statSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join, resolve } from "node:path";
import { backupChecks } from "./backup-config.ts";
import type { Settings } from "./config.ts";
import { problem } from "./config-problem.ts";
import { readOwnFile } from "./own-files.ts";
import { tlsChecks } from "./tls-checks.ts";

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
  problems.push(...tlsChecks(values, given, folder), ...backupChecks(values, folder));
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
  if (postgres.upgradeFrom === postgres.version) {
    problems.push(problem("postgres.upgradeFrom", postgres.upgradeFrom, "another version than postgres.version, or none", "remove it"));
  }
  const connections = connectionsOf(values);
  if (connections > postgres.maxConnections) {
    problems.push(
      problem(
        "postgres.maxConnections",
        postgres.maxConnections,
        `${connections} or more: twice app.replicas x app.workers x app.threads, old and new replicas side by side, the connections of background processes, and ${ownConnections} for jobs`,
        "raise it, or lower one of those",
      ),
    );
  }
  problems.push(...ipv6Checks(values));
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

/** Lists that name addresses of IPv6 find nobody where nginx doesn't get them, from clients or from a proxy's word. */
function ipv6Checks({ access, bindAddress, ipv6ClientAddresses, maintenance, trustedProxies }: Settings): string[] {
  const listens = bindAddress.some(isIPv6);
  if (ipv6ClientAddresses && !listens) {
    return [problem("ipv6ClientAddresses", true, "false where bindAddress has no address of IPv6", 'add "::" to bindAddress')];
  }
  if (ipv6ClientAddresses || !listens || trustedProxies.length > 0) return [];
  const lists = {
    "access.allow": access.allow,
    "access.deny": access.deny,
    "access.paths": Object.values(access.paths).flatMap(({ allow, deny }) => [...allow, ...deny]),
    "maintenance.allow": maintenance.allow,
  };
  return Object.entries(lists).flatMap(([path, addresses]) => {
    const ranges = addresses.filter((address) => address.includes(":"));
    const allowed = "addresses of IPv4 without ipv6ClientAddresses, for nginx doesn't see those of IPv6";
    return ranges.length === 0 ? [] : [problem(path, ranges, allowed, "set ipv6ClientAddresses to true, or remove them")];
  });
}

/** Postgres keeps three for its superuser; the release job, a backup and a restore have up to seven. */
const ownConnections = 10;

/** Returns how many connections to the database a roll-out of the app may need. */
function connectionsOf({ app, background }: Settings): number {
  const perWorker = app.workerClass === "gthread" ? app.threads : 1;
  const ofReplicas = app.server === "gunicorn" ? 2 * app.replicas * workerCountOf(app) * perWorker : 0;
  const ofBackground = Object.values(background).map(({ alone, connections, replicas }) => (alone ? 1 : 2 * replicas) * connections);
  return [ofReplicas, ...ofBackground, ownConnections].reduce((sum, number) => sum + number);
}

/** Returns gunicorn's worker processes a replica; `auto` is what its documentation advises. */
export function workerCountOf({ workers, cpus }: Pick<Settings["app"], "workers" | "cpus">): number {
  return workers === "auto" ? Math.floor(2 * cpus) + 1 : workers;
}

/** Whether an engine is on another machine. */
export function remote(dockerHost: string | undefined): boolean {
  return dockerHost !== undefined && !dockerHost.startsWith("unix://");
}
