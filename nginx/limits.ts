/** How much one client may ask for; undefined is no limit. */
export interface LimitsArgs {
  /** Requests to Django a second. */
  readonly requestsPerSecond: number | undefined;
  /** Requests that a client may be ahead of that rate. */
  readonly burst: number;
  /** Attempts to log in a minute. */
  readonly loginAttemptsPerMinute: number | undefined;
  /** Paths whose POST is such an attempt; a part may be a star, for any. */
  readonly loginPaths: readonly string[];
  /** Requests under way at once. */
  readonly connections: number | undefined;
}

/**
 * Renders whose requests are counted together, for the http block.
 *
 * @param gateways addresses of Docker's own: clients of this machine come from there, and those over IPv6 without ipv6ClientAddresses, all as one.
 */
export function renderLimitZones(limits: LimitsArgs, gateways: readonly string[]): string {
  const requests = limits.requestsPerSecond !== undefined || limits.connections !== undefined;
  const logins = limits.loginAttemptsPerMinute !== undefined;
  const lines = [
    ...(requests || logins
      ? [
          "# Over IPv6 a client has as many addresses as it likes, in a network of its own: the first half of the address counts.",
          "map $remote_addr $client_network {",
          "    default $binary_remote_addr;",
          '    "~^(?<client_prefix>(?:[0-9a-f]+:){1,3}:|(?:[0-9a-f]+:){4})" $client_prefix;',
          "}",
        ]
      : []),
    ...(requests
      ? [
          "# Clients that Docker's proxy hides behind one address aren't taken for one; attempts to log in are all the same.",
          "geo $counted {",
          "    default 1;",
          ...gateways.map((address) => `    ${address} 0;`),
          "}",
          "map $counted $client {",
          '    default "";',
          "    1 $client_network;",
          "}",
        ]
      : []),
    ...(limits.requestsPerSecond === undefined ? [] : [`limit_req_zone $client zone=requests:10m rate=${limits.requestsPerSecond}r/s;`]),
    ...(limits.connections === undefined ? [] : ["limit_conn_zone $client zone=connections:10m;"]),
    ...(!logins
      ? []
      : [
          'map "$request_method $uri" $login_client {',
          '    default "";',
          ...limits.loginPaths.map((path) => `    "${postTo(path)}" $client_network;`),
          "}",
          `limit_req_zone $login_client zone=logins:10m rate=${limits.loginAttemptsPerMinute}r/m;`,
        ]),
    ...(requests || logins ? ["limit_req_status 429;", "limit_conn_status 429;", "limit_req_log_level warn;", "limit_conn_log_level warn;"] : []),
  ];
  return lines.length === 0 ? "" : `${lines.map((line) => `    ${line}`).join("\n")}\n\n`;
}

/** Returns a POST to a path as a map takes it. */
function postTo(path: string): string {
  return path.includes("*") ? `~^POST ${path.replaceAll(".", "\\.").replaceAll("*", "[^/]+")}$` : `POST ${path}`;
}

/** Renders the limits of a location that leads to Django. */
export function renderLimits(limits: LimitsArgs): string {
  return [
    ...(limits.requestsPerSecond === undefined ? [] : [`limit_req zone=requests burst=${limits.burst} nodelay;`]),
    // Somebody who mistypes a password a few times is let through at once.
    ...(limits.loginAttemptsPerMinute === undefined ? [] : ["limit_req zone=logins burst=5 nodelay;"]),
    ...(limits.connections === undefined ? [] : [`limit_conn connections ${limits.connections};`]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
