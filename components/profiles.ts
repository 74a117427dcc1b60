import type { ContainerArgs } from "@pulumi/docker";
import { labels, shortHash, type Owner } from "./labels.ts";

/** How a container's health is told. */
export interface HealthcheckArgs {
  /** Command, `CMD` first. */
  readonly command: readonly string[];
  /**
   * Time from one check to the next, and from the start to the first one, where the engine can't tell the two apart.
   *
   * A little less than whole seconds: the provider asks how a service is once a second, and would miss a check of the same second.
   */
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** Failures in a row that make it unhealthy. */
  readonly retries: number;
  /** How long after its start failures don't count, and how long `up` waits for the first success. */
  readonly startSeconds: number;
}

/** What the Docker engine can that not every supported version can. */
export interface Engine {
  /** Interval of health checks until the first success: that of all others, the engine's own five seconds, or whatever is asked for. */
  readonly startInterval: "none" | "fixed" | "any";
}

/** The kernel's own period of a CPU limit, in microseconds. */
const cpuPeriod = 100_000;

/**
 * A first `up` waits for Postgres, then for the replicas, then for nginx, each until its first success; a roll-out for its replicas.
 *
 * Twice as often as the provider asks.
 */
const startIntervalSeconds = 0.5;

/**
 * A service that has come up is looked at less often: nobody waits for it, and a check takes some 75 ms of a processor, Docker's own nearly all.
 * An idle production stack takes 5 % of one, 18 % with a check each two or three seconds (28.5; /proc's
 * processor times over 30 s).
 */
const steadyIntervalSeconds = 10;

/**
 * CPU weight of what may wait, where Docker's default is 1024: backups and releases take what requests leave.
 *
 * It brought the site's 99th percentile while a backup is proven from 94-180 down to 63-91 ms, on two cores.
 */
export const patientCpuShares = 128;

/** What a long-running container may use, and how it is watched and stopped. */
export interface ServiceProfileArgs {
  readonly owner: Owner;
  readonly engine: Engine;
  /** The component's name, such as `nginx`. */
  readonly component: string;
  /** Numeric user and group of its processes. */
  readonly uid: number;
  readonly gid: number;
  readonly cpus: number;
  /** CPU weight beside other containers where CPUs are scarce. @default - Docker's, 1024 */
  readonly cpuShares?: number;
  /** MiB. */
  readonly memory: number;
  /** Processes and threads that it may have; its user may have four times as many on the whole host. */
  readonly processes: number;
  /** In-memory folders by path with their mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly healthcheck: HealthcheckArgs;
  /** How long it may take to stop before it is killed, in seconds. */
  readonly stopSeconds: number;
  /** Further labels by the part after `django-stack.`. */
  readonly labels?: Parameters<typeof labels>[2];
}

/** Returns the container arguments of a service: no root, nothing writable, no capabilities, bounded, watched, restarted. */
export function serviceProfile(args: ServiceProfileArgs) {
  const { command, intervalSeconds, timeoutSeconds, retries, startSeconds } = args.healthcheck;
  const { startInterval } = args.engine;
  const intervals = {
    interval: duration(startInterval === "none" ? intervalSeconds : steadyIntervalSeconds),
    ...(startInterval === "any" ? { startInterval: duration(startIntervalSeconds) } : {}),
  };
  // The provider reports changes of these as done without doing them; as a label they replace the container.
  const settings = shortHash([args.healthcheck, args.tmpfs, args.cpus, ...(startInterval === "none" ? [] : [intervals])]);
  return {
    user: `${args.uid}:${args.gid}`,
    readOnly: true,
    tmpfs: args.tmpfs,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    init: true,
    restart: "unless-stopped",
    // Not `cpus`, of which Docker refuses more than the host has: Postgres' default would keep a server with one from starting.
    cpuPeriod,
    cpuQuota: Math.round(args.cpus * cpuPeriod),
    cpuShares: args.cpuShares,
    memory: args.memory,
    // The same as memory: no swap.
    memorySwap: args.memory,
    ulimits: [
      { name: "nofile", soft: 16384, hard: 16384 },
      // Counted over all containers of that user, replicas and other stacks alike.
      { name: "nproc", soft: 4 * args.processes, hard: 4 * args.processes },
    ],
    logDriver: "json-file",
    logOpts: logRotation,
    healthcheck: {
      tests: [...command],
      ...intervals,
      timeout: duration(timeoutSeconds),
      startPeriod: duration(startSeconds),
      retries,
    },
    wait: true,
    waitTimeout: startSeconds,
    // The provider kills at once on replace and destroy without it.
    destroyGraceSeconds: args.stopSeconds,
    labels: labels(args.owner, args.component, { settings, processes: String(args.processes), ...args.labels }),
  } satisfies Partial<ContainerArgs>;
}

/**
 * Time that Pulumi's provider gives a container that has limits of its own, which may be longer than the provider's.
 *
 * That is 20 minutes where nothing is said: the default of the SDK that the provider is made with (Terraform plugin SDK v2, "Resource timeouts").
 *
 * @param limits how long it may take until it is up or done, and until it has stopped, in seconds.
 */
export function untilItsOwnLimit(limits: { readonly create?: number; readonly delete?: number }): { create?: string; delete?: string } {
  return Object.fromEntries(Object.entries(limits).map(([operation, seconds]) => [operation, `${seconds + 600}s`]));
}

/** What a one-shot container may do. */
export interface JobProfileArgs {
  readonly owner: Owner;
  readonly component: string;
  /** Numeric user and group, such as `999:999`; root when a job needs its capabilities. */
  readonly user: string;
  /** Processes and threads that its user may have, on the whole host. @default 1024 */
  readonly processes?: number;
  /** Capabilities it keeps; the rest is dropped. */
  readonly capabilities: readonly string[];
  /** CPU weight beside other containers where CPUs are scarce. @default - Docker's, 1024 */
  readonly cpuShares?: number;
  /** MiB. */
  readonly memory: number;
  /** Further labels by the part after `django-stack.`. */
  readonly labels?: Parameters<typeof labels>[2];
}

/** Returns the container arguments of a job: runs once to its end while `up` waits, keeps its log, never restarts. */
export function jobProfile(args: JobProfileArgs) {
  return {
    user: args.user,
    capabilities: { drops: ["ALL"], ...(args.capabilities.length > 0 ? { adds: args.capabilities.map((name) => `CAP_${name}`) } : {}) },
    securityOpts: ["no-new-privileges:true"],
    init: true,
    restart: "no",
    attach: true,
    mustRun: false,
    logs: true,
    cpuShares: args.cpuShares,
    memory: args.memory,
    memorySwap: args.memory,
    ulimits: [
      { name: "nofile", soft: 16384, hard: 16384 },
      { name: "nproc", soft: args.processes ?? 1024, hard: args.processes ?? 1024 },
    ],
    logDriver: "json-file",
    logOpts: logRotation,
    destroyGraceSeconds: 10,
    labels: labels(args.owner, args.component, args.labels),
  } satisfies Partial<ContainerArgs>;
}

const logRotation = { "max-size": "10m", "max-file": "3" };

/**
 * Returns seconds as Go writes a duration, `1m30s`: the text that the engine gives back, so that a refresh finds no difference.
 *
 * @param seconds whole ones, or less than a minute with thousandths.
 */
export function duration(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${seconds * 1000}ms`;
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${rest}s`;
}
