import { DockerError, type DockerCommand } from "./components/docker-engine.ts";
import type { Engine } from "./components/profiles.ts";
import type { Config } from "./config.ts";
import { engineVersionFormat, oldestEngine, parseEngineVersion } from "./scripts/setup/engine-version.mjs";
import { compareVersions } from "./scripts/setup/versions.mjs";

/** Where Pulumi's provider looks when nothing else is said. */
const defaultHost = "unix:///var/run/docker.sock";

/**
 * The first version that runs health checks at an interval of their own until the first success. Where none is given, that is five seconds
 * (seen on 28.5); older ones don't know it.
 */
const firstWithStartInterval = "25.0";

/** The oldest major version on which ipv6ClientAddresses was seen working; before 27 an engine has to be set up for it. */
const oldestIpv6Engine = "28.0";

export interface EngineArgs {
  readonly docker: DockerCommand;
  /** Address of the engine; undefined for the docker command's own choice. */
  readonly dockerHost: string | undefined;
  readonly dockerContext: Config["dockerContext"];
  readonly runner: Config["runner"];
  readonly ipv6ClientAddresses: boolean;
}

/** Returns what the Docker engine can, or why it can't be used and the way to mend it. */
export async function checkEngine({ docker, dockerHost, dockerContext, runner, ipv6ClientAddresses }: EngineArgs): Promise<Engine | string> {
  const where = dockerHost === undefined ? "" : ` at ${dockerHost}`;
  try {
    if (runner === "compose" && dockerHost !== process.env.DOCKER_HOST)
      return `docker:host: got ${dockerHost}, which Compose doesn't know of; fix: remove it from the stack's file, and export DOCKER_HOST=${dockerHost}`;
    if (runner === "compose" && dockerHost !== undefined && !dockerHost.startsWith("unix://"))
      return `Docker Engine${where}: Compose mounts files of the engine's own machine; fix: run it there, or use Pulumi, which needs no files on it`;
    if (runner === "pulumi" && dockerContext !== undefined) return await contextProblem(dockerContext, docker);
    if (dockerHost === undefined) {
      // The docker command follows its context, Pulumi's provider doesn't: they would work on two engines.
      const context = (await docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")).stdout.trim();
      if (context !== defaultHost)
        return `Docker Engine: the current docker context leads to ${context}, which Pulumi doesn't follow by itself; fix: export DOCKER_HOST=${context}, or \`npm run up\`, which does`;
    }
    const { version, podman } = parseEngineVersion((await docker("version", "--format", engineVersionFormat)).stdout);
    if (podman)
      return `Docker Engine${where}: got Podman ${version}, on which the stack was never run; allowed: Docker Engine ${oldestEngine} or newer; fix: install that, and have DOCKER_HOST or the docker context lead to it`;
    if (compareVersions(version, oldestEngine) < 0)
      return `Docker Engine${where}: got version ${version}; allowed: ${oldestEngine} or newer; fix: upgrade Docker`;
    if (ipv6ClientAddresses && compareVersions(version, oldestIpv6Engine) < 0)
      return `Docker Engine${where}: got version ${version}; allowed: ${oldestIpv6Engine} or newer with ipv6ClientAddresses; fix: upgrade Docker, or set ipv6ClientAddresses to false`;
    const recent = compareVersions(version, firstWithStartInterval) >= 0;
    // A Compose file may be taken to another engine, and one that doesn't know the interval refuses it.
    return { startInterval: !recent ? "none" : runner === "pulumi" ? "any" : "fixed" };
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return `Docker Engine${where}: ${engineCause(error, dockerHost)}`;
  }
}

/**
 * Returns what of the site's protection an engine takes away.
 *
 * Rootless Docker's port driver builtin, its default, opens nginx' connections itself (seen with rootlesskit 2.0 and 3.3; not with its
 * slirp4netns). Without cgroups for it, Docker leaves out every limit of memory, in silence.
 */
export async function engineWarnings(docker: DockerCommand): Promise<string[]> {
  const [portDriver, limitsMemory] = await Promise.all([
    docker("version", "--format", '{{range .Server.Components}}{{if eq .Name "rootlesskit"}}{{.Details.PortDriver}}{{end}}{{end}}'),
    docker("info", "--format", "{{.MemoryLimit}}"),
  ]);
  return [
    ...(portDriver.stdout.trim() === "builtin"
      ? [
          "Docker Engine: it runs without root, and its port driver builtin has nginx see one address of Docker's for all visitors: limits don't hold a single one, attempts to log in are counted together, and lists of addresses don't tell visitors apart; fix: set DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=slirp4netns for it, which is slower",
        ]
      : []),
    ...(limitsMemory.stdout.trim() === "false"
      ? [
          "Docker Engine: it can't limit memory on its machine, so that app.memory and the others don't count; fix: give it cgroups for memory; the last lines of `docker info` say what is missing",
        ]
      : []),
  ];
}

/** The provider goes by a context before docker:host and DOCKER_HOST, the docker command after them: they might work on two engines. */
async function contextProblem({ name, from }: NonNullable<Config["dockerContext"]>, docker: DockerCommand): Promise<string> {
  const { stdout } = await docker("context", "inspect", name, "--format", "{{.Endpoints.docker.Host}}");
  const host = stdout.trim();
  return from === "docker:context"
    ? `docker:context: got ${name}; only docker:host is known here; fix: remove it from the stack's file, and set docker:host to ${host} there`
    : `DOCKER_CONTEXT: got ${name}, which Pulumi's provider goes by before docker:host and DOCKER_HOST; fix: unset DOCKER_CONTEXT, and where neither of them is set export DOCKER_HOST=${host}, or \`npm run up\`, which does both`;
}

function engineCause(error: DockerError, dockerHost = ""): string {
  if (error.code === "ENOENT")
    return "the docker command isn't on PATH; fix: install Docker's command line, or `npm run up`, which does it where it can";
  if (dockerHost.startsWith("ssh:")) {
    const { username, hostname, port } = new URL(dockerHost);
    const ssh = ["ssh", ...(port === "" ? [] : ["-p", port]), username === "" ? hostname : `${username}@${hostname}`].join(" ");
    // docker puts ssh's own words last, whatever it says before.
    return `can't be reached (${error.message.replace(/^.*stderr=/s, "")}); fix: see that \`${ssh} docker version\` works`;
  }
  if (/permission denied/i.test(error.message)) {
    return `no permission to use it (${error.message}); fix: sudo usermod -aG docker $USER, then log in again`;
  }
  return `doesn't answer (${error.message}); fix: start it, with systemctl start docker where there is systemd, or set DOCKER_HOST`;
}
