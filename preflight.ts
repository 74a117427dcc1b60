import * as pulumi from "@pulumi/pulumi";
import { backupWarnings } from "./components/backup-warnings.ts";
import { dockerCommand, type DockerCommand } from "./components/docker-engine.ts";
import type { Engine } from "./components/profiles.ts";
import { certificateWarnings } from "./components/served-certificate.ts";
import { remote } from "./config-checks.ts";
import type { Config } from "./config.ts";
import { checkEngine, engineWarnings } from "./engine-check.ts";
import { forbidsFrames } from "./nginx/headers.ts";
import { ownershipProblems, stackObjects } from "./ownership-check.ts";
import { checkPorts, thisHost, type Host } from "./port-check.ts";
import { letsEncrypt } from "./tls-checks.ts";

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
  const [others, objects, ports] = await Promise.all([otherRunner(config, docker), objectProblems(config, docker), checkPorts(config, docker, host)]);
  const problems = [...others, ...objects, ...ports.problems];
  if (problems.length > 0) throw refusal(config, problems);
  const warnings = await Promise.all([
    warningsOfHeaders(config),
    warningsOfCertificates(config, docker),
    warningsOfBackups(config, docker),
    config.environment === "prod" ? engineWarnings(docker) : [],
  ]);
  for (const warning of [...ports.warnings, ...warnings.flat()]) void pulumi.log.warn(warning);
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
