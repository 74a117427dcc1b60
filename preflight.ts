import { execFile } from "node:child_process";
import { createServer } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { backupWarnings } from "./components/backup-warnings.ts";
import { dockerCommand, DockerError, type DockerCommand } from "./components/docker-engine.ts";
import { certificateWarnings } from "./components/served-certificate.ts";
import type { Config } from "./config.ts";
import { letsEncrypt } from "./tls-checks.ts";

/** The oldest Docker Engine that the stack was run on. */
export const oldestEngine = "20.10";

/** Where Pulumi's provider looks when nothing else is said. */
const defaultHost = "unix:///var/run/docker.sock";

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
 * @throws pulumi.RunError listing every problem with the way to mend it.
 */
export async function preflight(config: Config, docker: DockerCommand = dockerCommand(config.dockerHost), host: Host = thisHost): Promise<void> {
  if (config.runner === "export") return;
  const engine = await engineProblem(docker, config);
  const problems =
    engine === undefined
      ? [...(await otherRunner(config, docker)), ...(await foreignObjects(config, docker)), ...(await takenPorts(config, docker, host))]
      : [engine];
  if (problems.length === 0) {
    await warnOfCertificates(config, docker);
    return warnOfBackups(config, docker);
  }
  throw new pulumi.RunError(
    `the Docker host can't take stack ${config.stack}; nothing was touched:\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
}

async function warnOfCertificates(config: Config, docker: DockerCommand): Promise<void> {
  if (config.httpsPort === undefined) return;
  const hostnames = [config.domain, ...config.aliases, ...config.redirects];
  const acme = config.tls.acme !== undefined;
  if (config.tls.acme?.directory === letsEncrypt.staging) {
    void pulumi.log.warn(
      "tls.acme.production is false: certificates come from Let's Encrypt's staging directory, which no browser trusts; set it to true once they do come",
    );
  }
  for (const warning of await certificateWarnings({ docker, container: `${config.prefix}-nginx`, hostnames, acme })) {
    void pulumi.log.warn(warning);
  }
}

async function warnOfBackups({ backup, environment, owner }: Config, docker: DockerCommand): Promise<void> {
  if (environment !== "prod") return;
  for (const warning of await backupWarnings({ docker, ...owner, backup })) void pulumi.log.warn(warning);
}

async function engineProblem(docker: DockerCommand, { dockerHost, runner }: Config): Promise<string | undefined> {
  const where = dockerHost === undefined ? "" : ` at ${dockerHost}`;
  try {
    if (runner === "compose" && dockerHost !== process.env.DOCKER_HOST)
      return `docker:host: got ${dockerHost}, which Compose doesn't know of; fix: remove it from the stack's file, and export DOCKER_HOST=${dockerHost}`;
    if (runner === "compose" && dockerHost !== undefined && !dockerHost.startsWith("unix://"))
      return `Docker Engine${where}: Compose mounts files of the engine's own machine; fix: run it there, or use Pulumi, which needs no files on it`;
    if (dockerHost === undefined) {
      // The docker command follows its context, Pulumi's provider doesn't: they would work on two engines.
      const context = (await docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")).stdout.trim();
      if (context !== defaultHost)
        return `Docker Engine: the current docker context leads to ${context}, which Pulumi doesn't follow by itself; fix: export DOCKER_HOST=${context}, or \`npm run up\`, which does`;
    }
    const version = (await docker("version", "--format", "{{.Server.Version}}")).stdout.trim();
    if (compareVersions(version, oldestEngine) >= 0) return undefined;
    return `Docker Engine${where}: got version ${version}; allowed: ${oldestEngine} or newer; fix: upgrade Docker`;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return `Docker Engine${where}: ${engineCause(error)}`;
  }
}

function engineCause(error: DockerError): string {
  if (error.code === "ENOENT")
    return "the docker command isn't on PATH; fix: install Docker's command line, or `npm run up`, which does it where it can";
  if (/permission denied/i.test(error.message)) {
    return `no permission to use it (${error.message}); fix: sudo usermod -aG docker $USER, then log in again`;
  }
  return `doesn't answer (${error.message}); fix: start it, with systemctl start docker where there is systemd, or set DOCKER_HOST`;
}

/** Returns less than, equal to or more than 0 as version a is older than, equal to or newer than b; suffixes such as `+dfsg1` don't count. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string) => (/^\d+(\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
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

const ownLabels = '{{.Label "django-stack.name"}}|{{.Label "django-stack.stack"}}|{{.Label "django-stack.checkout"}}';

async function foreignObjects(config: Config, docker: DockerCommand): Promise<string[]> {
  const ours = `${config.name}|${config.stack}|${config.owner.checkout}`;
  const named = async (command: string[], name: string) => {
    const { stdout } = await docker(...command, "--format", `{{.${name}}} ${ownLabels}`);
    return stdout
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([object]) => object.startsWith(`${config.prefix}-`));
  };
  const networks = (await named(["network", "ls"], "Name")).filter(([name]) => /^-(edge|app|db|dev|backup)$/.test(name.slice(config.prefix.length)));
  const containers = (await named(["ps", "--all"], "Names")).filter(([name]) =>
    /^-(nginx|django|postgres|backup)(-|$)/.test(name.slice(config.prefix.length)),
  );
  const volumes = (await named(["volume", "ls"], "Name")).filter(([name]) =>
    /^-(owner|static-data|media-data|cache|acme-state|backups|backup-work|postgres-\d+-data|postgres-socket|(nginx|django|postgres|backup)-files)$/.test(
      name.slice(config.prefix.length),
    ),
  );
  const owner = volumes.find(([name]) => name === `${config.prefix}-owner`);
  const otherName = "fix: choose another `name` in this stack's config, or remove the other stack from its own checkout";
  const problems = [
    ...networks.filter(([, labels]) => labels !== ours).map(([name]) => `network ${name} exists and belongs to another checkout; ${otherName}`),
    ...containers.filter(([, labels]) => labels !== ours).map(([name]) => `container ${name} exists and belongs to another checkout; ${otherName}`),
  ];
  if (volumes.length > 0 && owner?.[1] !== ours) {
    const [name, stack, checkout] = owner?.[1].split("|") ?? [];
    const theirs = owner === undefined ? "no volume says whose they are" : `they belong to stack ${stack} of ${name}, checkout ${checkout}`;
    const adopt = owner === undefined ? "" : `; where they are meant for this checkout, write ${checkout} into .state/checkout`;
    problems.push(`volumes ${volumes.map(([volume]) => volume).join(", ")} exist and ${theirs}; ${otherName}${adopt}`);
  }
  if (containers.some(([name]) => name === `${config.prefix}-backup-restore`)) {
    problems.push(`a restore of this stack is under way; fix: wait for it, or docker stop ${config.prefix}-backup-restore`);
  }
  const majors = volumes.flatMap(([name]) => /-postgres-(\d+)-data$/.exec(name)?.[1] ?? []);
  const { version } = config.postgres;
  const { upgradeFrom } = config.postgres;
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
  const problems = new Map<string, string>();
  for (const { path, address, port } of wanted) {
    if (port === undefined || problems.has(path)) continue;
    const fix = `fix: stop it, or set ${path} to another port`;
    const { stdout } = await docker("ps", "--filter", `publish=${port}`, "--format", `{{.Names}} ${ownLabels}`);
    const [container, labels] = stdout.trim().split("\n")[0].split(" ");
    if (container !== "") {
      if (labels !== `${config.name}|${config.stack}|${config.owner.checkout}`)
        problems.set(path, `${path}: port ${port} is held by container ${container}; ${fix}`);
      continue;
    }
    const code = local ? await host.tryListen(address, port) : undefined;
    if (code === "EADDRINUSE") {
      problems.set(path, `${path}: port ${port} on ${address} is held by ${(await host.listener(port)) ?? "another program"}; ${fix}`);
    } else if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") {
      problems.set(
        "bindAddress",
        `bindAddress: got ${address}, which isn't an address of this machine; fix: give one that \`ip address\` lists, or 0.0.0.0`,
      );
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
