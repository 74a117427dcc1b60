// The Docker engine: found where the docker command would look, installed and started where it is missing and that may be done.
import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { engineVersionFormat, oldestEngine, parseEngineVersion } from "./engine-version.mjs";
import { installPackages, isDebian, mayInstall, updatePackageLists } from "./packages.mjs";
import { Failure, output, run, tail } from "./process.mjs";
import { compareVersions } from "./versions.mjs";

/**
 * Makes sure of a Docker engine and returns how to reach it: `{ command, arguments, host, version }`.
 *
 * `host` is the address for Pulumi's provider, undefined where the default socket is the one.
 */
export function ensureDocker({ install, print }) {
  const client = output("docker", ["--version"]);
  // Fedora's and Debian's package podman-docker.
  if (/^podman/i.test(client)) throw new Failure("Docker", `the docker command here is Podman's: ${client}`, installCommand());
  let command = client === "" ? undefined : "docker";
  if (command === undefined) {
    if (!mayInstall(install)) throw new Failure("Docker", "the docker command isn't on PATH", installCommand());
    print("not found; installing docker.io from Debian's packages");
    installDocker();
    command = "docker";
  }
  const host = process.env.DOCKER_HOST || contextHost();
  let answer = serverVersion();
  if (answer.version === "" && host === undefined && mayInstall(install)) {
    if (output("dockerd", ["--version"]) === "") {
      print("no engine here; installing docker.io from Debian's packages");
      installDocker();
    }
    print("the engine isn't running; starting it");
    answer = startDocker(answer);
  }
  if (answer.version === "") throw new Failure("Docker", cause(answer.error, host), fix(answer.error, host));
  if (answer.podman) {
    throw new Failure(
      "Docker",
      `got Podman ${answer.version}, on which the stack was never run; needed: Docker Engine ${oldestEngine} or newer`,
      "install that: https://docs.docker.com/engine/install/; DOCKER_HOST or the docker context says which engine is asked",
    );
  }
  if (compareVersions(answer.version, oldestEngine) < 0) {
    throw new Failure(
      "Docker",
      `got engine ${answer.version}; needed: ${oldestEngine} or newer`,
      "upgrade Docker: https://docs.docker.com/engine/install/",
    );
  }
  return { command, arguments: [], host, version: answer.version };
}

function serverVersion() {
  const { stdout, stderr } = run("docker", ["version", "--format", engineVersionFormat], { timeoutSeconds: 30 });
  return { ...parseEngineVersion(stdout), error: tail(stderr, 1) };
}

/** The address of the current docker context where it isn't the default one; the provider doesn't look at contexts. */
function contextHost() {
  const host = output("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  return host === "" || host === "unix:///var/run/docker.sock" ? undefined : host;
}

function installCommand() {
  return isDebian() ? "apt-get install docker.io, as root" : "install Docker: https://docs.docker.com/engine/install/";
}

function installDocker() {
  updatePackageLists();
  // From Debian 13 on the docker command is a package of its own.
  const command = output("apt-cache", ["show", "docker-cli"]) === "" ? [] : ["docker-cli"];
  const { status, stderr } = installPackages("docker.io", ...command, "iptables", "ca-certificates");
  if (status !== 0) throw new Failure("Docker", `docker.io doesn't install: ${tail(stderr, 3)}`, "apt-get install docker.io, as root");
}

function startDocker(before) {
  const log = "/var/log/django-stack-dockerd.log";
  if (existsSync("/run/systemd/system")) run("systemctl", ["start", "docker"], { timeoutSeconds: 120 });
  else {
    removeStalePidFile();
    const file = openSync(log, "a");
    spawn("dockerd", [], { detached: true, stdio: ["ignore", file, file] }).unref();
  }
  for (let second = 0; second < 60; second++) {
    const answer = serverVersion();
    if (answer.version !== "") return answer;
    run("sleep", ["1"]);
  }
  return { version: "", error: existsSync(log) ? `dockerd didn't start: ${tail(withoutNotes(readFileSync(log, "utf8")), 2)}` : before.error };
}

/** A daemon's log without what only accompanies its start and its end. */
function withoutNotes(log) {
  return log
    .split("\n")
    .filter((line) => !/\blevel=(info|debug)\b/.test(line))
    .join("\n");
}

/** An engine that was killed leaves its process id, and won't start again once another program has that id. */
function removeStalePidFile() {
  const path = "/var/run/docker.pid";
  if (!existsSync(path)) return;
  const program = `/proc/${readFileSync(path, "utf8").trim()}/comm`;
  if (!existsSync(program) || readFileSync(program, "utf8").trim() !== "dockerd") rmSync(path);
}

function cause(error, host) {
  const where = host === undefined ? "" : ` at ${host}`;
  // docker puts ssh's own words last, whatever it says before.
  if (isSsh(host)) return `no engine answers${where}: ${error.replace(/^.*stderr=/s, "")}`;
  return /permission denied/i.test(error) ? `no permission to use the engine${where}: ${error}` : `no engine answers${where}: ${error}`;
}

function fix(error, host) {
  if (isSsh(host)) {
    const { username, hostname, port } = new URL(host);
    return `see that \`ssh ${port === "" ? "" : `-p ${port} `}${username === "" ? "" : `${username}@`}${hostname} docker version\` works`;
  }
  if (/permission denied/i.test(error)) return "sudo usermod -aG docker $USER, then log in again";
  if (host !== undefined)
    return `check that ${host} is right and that Docker runs there: docker:host in the stack's file, DOCKER_HOST or \`docker context ls\` says which one is asked`;
  return output("dockerd", ["--version"]) === "" ? installCommand() : "sudo systemctl start docker, or sudo dockerd where there is no systemd";
}

const isSsh = (host) => host?.startsWith("ssh:") ?? false;
