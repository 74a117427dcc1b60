import { execFile } from "node:child_process";
import { createServer } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { backupWarnings } from "./components/backup-warnings.ts";
import { dockerCommand, type DockerCommand } from "./components/docker-engine.ts";
import type { Engine } from "./components/profiles.ts";
import { certificateWarnings } from "./components/served-certificate.ts";
import { remote } from "./config-checks.ts";
import type { Config } from "./config.ts";
import { checkEngine, engineWarnings } from "./engine-check.ts";
import { forbidsFrames } from "./nginx/headers.ts";
import { ownerLabels, ownerOf, ownershipProblems, stackObjects } from "./ownership-check.ts";
import { letsEncrypt } from "./tls-checks.ts";

/** What the checks look at beside the Docker engine; replaced in tests. */
export interface Host {
  /** Tries to listen on a port of this machine; returns the error code, or undefined when it is free. */
  readonly tryListen: (address: string, port: number) => Promise<string | undefined>;
  /** Returns the program that listens on a port, as in `nginx (pid 81)`; undefined when that can't be known. */
  readonly listener: (port: number) => Promise<string | undefined>;
}

/**
 * Checks, before anything is touched, that the Docker engine can take this stack: it answers, is recent enough, the ports
 * are free, and no other checkout's objects have this stack's names. Warns of certificates that a running site shouldn't serve.
 *
 * @returns what the engine can.
 * @throws pulumi.RunError listing every problem with the way to mend it.
 */
export async function preflight(config: Config, docker: DockerCommand = dockerCommand(config.dockerHost), host: Host = thisHost): Promise<Engine> {
  if (config.runner === "export") return engineOfAnExport(config, docker);
  const engine = await checkEngine({ docker, ...config });
  if (typeof engine === "string") throw refusal(config, [engine]);
  // Side by side: over ssh each look at the engine takes a connection of its own.
  const checks = [otherRunner(config, docker), objectProblems(config, docker), takenPorts(config, docker, host)];
  const problems = (await Promise.all(checks)).flat();
  if (problems.length > 0) throw refusal(config, problems);
  const warnings = await Promise.all([
    warningsOfHeaders(config),
    warningsOfCertificates(config, docker),
    warningsOfBackups(config, docker),
    config.environment === "prod" ? engineWarnings(docker) : [],
  ]);
  for (const warning of warnings.flat()) void pulumi.log.warn(warning);
  return engine;
}

/** What it is written for: this machine's engine, so that a later `up` finds what it would write itself; where none answers, a recent one. */
async function engineOfAnExport(config: Config, docker: DockerCommand): Promise<Engine> {
  const engine = remote(config.dockerHost) ? undefined : await checkEngine({ docker, ...config });
  return typeof engine === "object" ? engine : { startInterval: "fixed" };
}

function refusal({ stack }: Config, problems: readonly string[]): pulumi.RunError {
  return new pulumi.RunError(`the Docker host can't take stack ${stack}; nothing was touched:\n${problems.map((line) => `  ${line}`).join("\n")}`);
}

function warningsOfHeaders({ headers }: Config): string[] {
  const allowsFrames = headers.frameOptions.toUpperCase() !== "DENY" || headers.fromDjango.includes("frameOptions");
  return allowsFrames && forbidsFrames(headers)
    ? [
        "headers.frameOptions: browsers go by frame-ancestors 'none' in headers.contentSecurityPolicy before it, and show the site in no frame; fix: write frame-ancestors 'self' there, or the origins that may",
      ]
    : [];
}

async function warningsOfCertificates(config: Config, docker: DockerCommand): Promise<string[]> {
  if (config.httpsPort === undefined) return [];
  const hostnames = [config.domain, ...config.aliases, ...config.redirects];
  const staging =
    config.tls.acme?.directory === letsEncrypt.staging
      ? [
          "tls.acme.production is false: certificates come from Let's Encrypt's staging directory, which no browser trusts; set it to true once they do come",
        ]
      : [];
  const served = { docker, container: `${config.prefix}-nginx`, hostnames, acme: config.tls.acme !== undefined };
  return [...staging, ...(await certificateWarnings(served))];
}

async function warningsOfBackups({ backup, environment, owner }: Config, docker: DockerCommand): Promise<string[]> {
  return environment === "prod" ? backupWarnings({ docker, ...owner, backup }) : [];
}

/** Two that run one stack would work on the same data. */
async function otherRunner({ name, stack, prefix, runner }: Config, docker: DockerCommand): Promise<string[]> {
  const { stdout } = await docker(
    "ps", "--all", "--filter", `label=django-stack.name=${name}`, "--filter", `label=django-stack.stack=${stack}`,
    "--format", '{{.Names}}|{{.Label "com.docker.compose.project"}}',
  ); // prettier-ignore
  const containers = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("|"))
    .filter(([container]) => container !== "" && !container.endsWith("-backup-restore"));
  const composed = containers.filter(([, project]) => project !== "").map(([container]) => container);
  // A failed build may leave a container with the image's labels and a name of Docker's choice.
  const others = containers.filter(([container, project]) => project === "" && container.startsWith(`${prefix}-`)).map(([container]) => container);
  if (runner === "pulumi" && composed.length > 0)
    return [`Docker Compose runs this stack (${composed.join(", ")}); fix: npm run compose -- ${stack} down, which leaves the data`];
  if (runner === "compose" && others.length > 0)
    return [
      `Pulumi runs this stack (${others.join(", ")}); fix: npm run destroy -- ${stack}, which leaves the data where protectData is true, as it is by default in prod`,
    ];
  return [];
}

async function objectProblems(config: Config, docker: DockerCommand): Promise<string[]> {
  const objects = await stackObjects(config, docker);
  const problems = ownershipProblems(objects, config);
  if (objects.containers.some(({ name }) => name === `${config.prefix}-backup-restore`)) {
    problems.push(`a restore of this stack is under way; fix: wait for it, or docker stop ${config.prefix}-backup-restore`);
  }
  const majors = objects.volumes.flatMap(({ name }) => /-postgres-(\d+)-data$/.exec(name)?.[1] ?? []);
  const { version, upgradeFrom } = config.postgres;
  if (majors.length > 0 && !majors.includes(String(version)) && !majors.includes(String(upgradeFrom))) {
    problems.push(
      `postgres.version: got ${version}, and this stack's data is that of version ${majors.join(", ")}; the site would start with an empty database; fix: set postgres.version to ${majors[0]}, or postgres.upgradeFrom to ${majors[0]} to take its data over`,
    );
  }
  return problems;
}

async function takenPorts(config: Config, docker: DockerCommand, host: Host): Promise<string[]> {
  const local = config.dockerHost === undefined || config.dockerHost.startsWith("unix://");
  const wanted = [
    ...config.bindAddress.flatMap((address) => [
      { path: "httpPort", address, port: config.httpPort },
      { path: "httpsPort", address, port: config.httpsPort },
    ]),
    { path: "app.devServerPort", address: "127.0.0.1", port: config.app.devServerPort },
    { path: "postgres.publishPort", address: "127.0.0.1", port: config.postgres.publishPort },
  ];
  const ports = [...new Set(wanted.flatMap(({ port }) => port ?? []))];
  const listed = await Promise.all(ports.map((port) => docker("ps", "--filter", `publish=${port}`, "--format", `{{.Names}} ${ownerLabels}`)));
  const publishers = new Map(ports.map((port, index) => [port, listed[index].stdout.trim().split("\n")[0].split(" ")]));
  const problems = new Map<string, string>();
  for (const { path, address, port } of wanted) {
    if (port === undefined || problems.has(path)) continue;
    const fix = `fix: stop it, or set ${path} to another port`;
    const [container, labels] = publishers.get(port) ?? [""];
    if (container !== "") {
      // Of one that has this stack's own name is told already.
      if (labels !== ownerOf(config) && container !== `${config.prefix}-nginx`)
        problems.set(path, `${path}: port ${port} is held by container ${container}; ${fix}`);
      continue;
    }
    const code = local ? await host.tryListen(address, port) : undefined;
    if (code === "EADDRINUSE") {
      problems.set(path, `${path}: port ${port} on ${address} is held by ${(await host.listener(port)) ?? "another program"}; ${fix}`);
    } else if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") {
      // Production's default has it: whoever reads this may never have set an address.
      const why =
        address === "::"
          ? "and this machine has no IPv6; fix: set bindAddress to 0.0.0.0"
          : "which isn't an address of this machine; fix: give one that `ip address` lists, or 0.0.0.0";
      problems.set("bindAddress", `bindAddress: got ${address}, ${why}`);
    }
  }
  return [...problems.values()];
}

/** This machine itself. */
export const thisHost: Host = {
  tryListen: (address, port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      server.listen({ host: address, port, ipv6Only: address === "::", exclusive: true }, () => server.close(() => resolve(undefined)));
    }),
  listener: (port) =>
    new Promise((resolve) => {
      execFile("ss", ["-H", "-ltnp", `sport = :${port}`], { timeout: 5_000 }, (_, stdout) => {
        const holder = /\(\("([^"]+)",pid=(\d+)/.exec(stdout);
        resolve(holder === null ? undefined : `${holder[1]} (pid ${holder[2]})`);
      });
    }),
};
