// A second Docker engine, newer than most machines' own, in a container: the core of the docker suite runs on it too, and it is the server
// that is reached by ssh.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { baseImages } from "./setup/base-images.mjs";
import { collect, Failure, output, run, tail } from "./setup/process.mjs";
import { root } from "./setup/setup.mjs";
import { step } from "./setup/terminal.mjs";
import { testHostOptions } from "./test-host.mjs";

const host = "django-stack-test-engine";
const image = "django-stack-test/engine";
const core = "a fresh stack|changes nothing when nothing changed|ships new code|by Compose|clients over IPv6";

/** Lets visitors come over IPv6, where the machine itself has it. */
const ipv6 = existsSync("/proc/sys/net/ipv6") ? ["all", "default"].flatMap((cards) => ["--sysctl", `net.ipv6.conf.${cards}.disable_ipv6=0`]) : [];

/**
 * Runs the core tests on the second engine and writes vitest's report into a folder; resolves with the exit code and what was printed.
 *
 * Throws a Failure when the engine can't be had on this machine.
 */
export async function runOnSecondEngine(environment, reportFolder) {
  return withHost(reportFolder, [...ipv6, "--env", "CONTAINERD_STORES_IMAGES=true"], () => {
    const node = environment.PATH.split(":")[0];
    const path = `${node}:${join(root, "node_modules/.bin")}:/usr/sbin:/usr/bin:/sbin:/bin`;
    const variables = { PATH: path, ...readAnyonesRepository };
    const inside = ["exec", "--workdir", root, ...Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]), host];
    const tests = ["vitest", "run", "--project", "engines", "-t", core, ...reportInto(reportFolder)];
    return collect("docker", [...inside, ...tests], { cwd: root });
  });
}

/** Has git list the checkout's files to root there, whoever has the checkout on this machine. */
const readAnyonesRepository = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" };

/** Runs the test that takes the power from a whole machine: the second engine's; otherwise as runOnSecondEngine. */
export async function runPowerCut(environment, reportFolder) {
  return withHost(reportFolder, ["--publish", "127.0.0.1:28443:18443"], (socket) => {
    const variables = {
      ...environment,
      DOCKER_HOST: `unix://${socket}`,
      DJANGO_STACK_TEST_HOST: host,
      DJANGO_STACK_TEST_HOST_ENGINE: environment.DOCKER_HOST ?? "",
    };
    const tests = ["run", "--project", "power-cut", ...reportInto(reportFolder)];
    return collect(join(root, "node_modules/.bin/vitest"), tests, { cwd: root, env: variables });
  });
}

/** Runs the tests that have the second engine for a server, reached by ssh from this machine; otherwise as runOnSecondEngine. */
export async function runOverSsh(environment, reportFolder) {
  const ssh = output("sh", ["-c", "command -v ssh && command -v ssh-keygen"]).split("\n")[0];
  if (ssh === "") throw new Failure("ssh", "this machine has no ssh", "install its client: apt-get install openssh-client");
  const published = ["127.0.0.1:28443:18443", `127.0.0.1:${sshPort}:22`].flatMap((port) => ["--publish", port]);
  return withHost(reportFolder, published, (socket) => {
    const variables = {
      ...environment,
      PATH: `${openSsh(ssh, join(reportFolder, "ssh"))}${delimiter}${environment.PATH}`,
      DOCKER_HOST: `unix://${socket}`,
      DJANGO_STACK_TEST_SERVER: `ssh://root@127.0.0.1:${sshPort}`,
      DJANGO_STACK_TEST_HOST_ENGINE: environment.DOCKER_HOST ?? "",
    };
    const tests = ["run", "--project", "server", ...reportInto(reportFolder)];
    return collect(join(root, "node_modules/.bin/vitest"), tests, { cwd: root, env: variables });
  });
}

const sshPort = 28022;

/** Has the second engine's machine accept a key of its own; returns a folder for PATH whose ssh uses that key, whatever this user's settings are. */
function openSsh(ssh, folder) {
  const [key, settings, commands] = ["key", "config", "bin"].map((name) => join(folder, name));
  mkdirSync(commands, { recursive: true });
  must(["-q", "-t", "ed25519", "-N", "", "-f", key], { command: "ssh-keygen" });
  writeFileSync(
    settings,
    `IdentityFile ${key}\nIdentitiesOnly yes\nUserKnownHostsFile ${key}.known\nStrictHostKeyChecking accept-new\nBatchMode yes\n`,
  );
  writeFileSync(join(commands, "ssh"), `#!/bin/sh\nexec ${ssh} -F ${settings} "$@"\n`, { mode: 0o755 });
  const accept = "mkdir -p /run/sshd && install -d -m 0700 ~/.ssh && cat > ~/.ssh/authorized_keys && exec /usr/sbin/sshd";
  must(["exec", "--interactive", host, "sh", "-ec", accept], { input: readFileSync(`${key}.pub`) });
  return commands;
}

const reportInto = (folder) => ["--reporter=default", "--reporter=json", `--outputFile.json=${join(folder, "report.json")}`];

/** Starts the machine of the second engine, calls `work` with the path of its socket on this machine, and removes it. */
async function withHost(folder, options, work) {
  removeHost();
  try {
    await startHost(folder, options);
    return await work(join(folder, "engine", "docker.sock"));
  } finally {
    removeHost();
  }
}

async function startHost(folder, options) {
  // Debian's own image where it can be pulled; else what the stand-ins of the base images are made from.
  const standIn = "django-stack-stand-in/debian:forky";
  const base = run("docker", ["image", "inspect", standIn]).status === 0 ? standIn : "debian:trixie";
  must(["build", "--quiet", "--build-arg", `BASE=${base}`, "--tag", image, join(root, "test", "hosts")], { timeoutSeconds: 900 });
  const volumes = [`${root}:${root}`, `${folder}:${folder}`, `${join(folder, "engine")}:/run/engine`];
  must(["run", ...testHostOptions(host), ...volumes.flatMap((volume) => ["--volume", volume]), ...options, image]);
  step("second engine", await engineVersion());
  const images = baseImages.map(({ image: name }) => name).join(" ");
  const loaded = run("sh", ["-c", `docker save ${images} | docker exec --interactive ${host} docker load --quiet`], { timeoutSeconds: 300 });
  if (loaded.status !== 0) throw new Failure("second engine", tail(loaded.stderr, 2), "check the free space of the Docker host");
}

function must(args, { command = "docker", input, timeoutSeconds = 120 } = {}) {
  const { status, stderr } = run(command, args, { input, timeoutSeconds });
  if (status !== 0) throw new Failure("second engine", tail(stderr, 1), `${command} ${args[0]}`);
}

function removeHost() {
  run("docker", ["rm", "--force", "--volumes", host]);
  run("docker", ["volume", "rm", host]);
}

async function engineVersion() {
  for (let second = 0; second < 60; second++) {
    const version = output("docker", ["exec", host, "docker", "version", "--format", "{{.Server.Version}}"]);
    if (version !== "") return version;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Failure("second engine", `dockerd didn't start: ${tail(run("docker", ["logs", host]).stderr, 1)}`, `docker logs ${host}`);
}
