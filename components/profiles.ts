import type { ContainerArgs, types } from "@pulumi/docker";
import { labels, shortHash, type Owner } from "./labels.ts";

/** What a long-running container may use, and how it is watched and stopped. */
export interface ServiceProfileArgs {
  readonly owner: Owner;
  /** The component's name, such as `nginx`. */
  readonly component: string;
  /** Numeric user and group of its processes. */
  readonly uid: number;
  readonly gid: number;
  readonly cpus: number;
  /** MiB. */
  readonly memory: number;
  /** Processes and threads that its user may have, on the whole host. */
  readonly processes: number;
  /** In-memory folders by path with their mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly healthcheck: types.input.ContainerHealthcheck;
  /** How long `up` waits for the first healthy answer, in seconds. */
  readonly healthySeconds: number;
  /** How long it may take to stop before it is killed, in seconds. */
  readonly stopSeconds: number;
  /** Further labels by the part after `django-stack.`. */
  readonly labels?: Parameters<typeof labels>[2];
}

/** Returns the container arguments of a service: no root, nothing writable, no capabilities, bounded, watched, restarted. */
export function serviceProfile(args: ServiceProfileArgs) {
  // The provider reports changes of these as done without doing them; as a label they replace the container.
  const settings = shortHash([args.healthcheck, args.tmpfs, args.cpus]);
  return {
    user: `${args.uid}:${args.gid}`,
    readOnly: true,
    tmpfs: args.tmpfs,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    init: true,
    restart: "unless-stopped",
    cpus: String(args.cpus),
    memory: args.memory,
    // The same as memory: no swap.
    memorySwap: args.memory,
    ulimits: [
      { name: "nofile", soft: 16384, hard: 16384 },
      { name: "nproc", soft: args.processes, hard: args.processes },
    ],
    logDriver: "json-file",
    logOpts: logRotation,
    healthcheck: args.healthcheck,
    wait: true,
    waitTimeout: args.healthySeconds,
    // The provider kills at once on replace and destroy without it.
    destroyGraceSeconds: args.stopSeconds,
    labels: labels(args.owner, args.component, { settings, ...args.labels }),
  } satisfies Partial<ContainerArgs>;
}

/** What a one-shot container may do. */
export interface JobProfileArgs {
  readonly owner: Owner;
  readonly component: string;
  /** Numeric user and group, such as `999:999`; root when a job needs its capabilities. */
  readonly user: string;
  /** Capabilities it keeps; the rest is dropped. */
  readonly capabilities: readonly string[];
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
    memory: args.memory,
    memorySwap: args.memory,
    ulimits: [
      { name: "nofile", soft: 16384, hard: 16384 },
      { name: "nproc", soft: 1024, hard: 1024 },
    ],
    logDriver: "json-file",
    logOpts: logRotation,
    destroyGraceSeconds: 10,
    labels: labels(args.owner, args.component, args.labels),
  } satisfies Partial<ContainerArgs>;
}

const logRotation = { "max-size": "10m", "max-file": "3" };
