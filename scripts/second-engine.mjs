// A second Docker engine, newer than most machines' own, in a container: the core of the docker suite runs on it too.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { baseImages } from "./setup/base-images.mjs";
import { Failure, output, run, tail } from "./setup/process.mjs";
import { root } from "./setup/setup.mjs";
import { step } from "./setup/terminal.mjs";

const host = "django-stack-test-engine";
const image = "django-stack-test/engine";
const core = "a fresh stack|changes nothing when nothing changed|ships new code";

/**
 * Runs the core tests on the second engine and writes vitest's report into a folder; returns the exit status.
 *
 * Throws a Failure when the engine can't be had on this machine.
 */
export async function runOnSecondEngine(environment, reportFolder) {
  removeHost();
  try {
    await startHost(reportFolder);
    const node = environment.PATH.split(":")[0];
    const path = `${node}:${join(root, "node_modules/.bin")}:/usr/sbin:/usr/bin:/sbin:/bin`;
    const inside = ["exec", "--workdir", root, "--env", `PATH=${path}`, host];
    const report = ["--reporter=default", "--reporter=json", `--outputFile.json=${join(reportFolder, "report.json")}`];
    const tests = ["vitest", "run", "--project", "docker", "test/docker/prod.test.ts", "-t", core, ...report];
    return spawnSync("docker", [...inside, ...tests], { cwd: root, stdio: "inherit" }).status ?? 1;
  } finally {
    removeHost();
  }
}

async function startHost(reportFolder) {
  // Debian's own image where it can be pulled; else what the stand-ins of the base images are made from.
  const standIn = "django-stack-stand-in/debian:forky";
  const base = run("docker", ["image", "inspect", standIn]).status === 0 ? standIn : "debian:trixie";
  must(["build", "--quiet", "--build-arg", `BASE=${base}`, "--tag", image, join(root, "test", "hosts")], 900);
  const volumes = [`${host}:/var/lib/docker`, "/sys/fs/cgroup:/sys/fs/cgroup", `${root}:${root}`, `${reportFolder}:${reportFolder}`];
  const rights = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"];
  must([
    ...["run", "--detach", "--name", host, "--cgroupns", "host"],
    ...volumes.flatMap((volume) => ["--volume", volume]),
    // Some machines' own containers lack this one, and so can't give it.
    ...["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"],
    ...rights.flatMap((right) => ["--security-opt", right]),
    image,
  ]);
  step("second engine", await engineVersion());
  const images = baseImages.map(({ image: name }) => name).join(" ");
  const loaded = run("sh", ["-c", `docker save ${images} | docker exec --interactive ${host} docker load --quiet`], { timeoutSeconds: 300 });
  if (loaded.status !== 0) throw new Failure("second engine", tail(loaded.stderr, 2), "check the free space of the Docker host");
}

function must(args, timeoutSeconds = 120) {
  const { status, stderr } = run("docker", args, { timeoutSeconds });
  if (status !== 0) throw new Failure("second engine", tail(stderr, 1), `docker ${args[0]}`);
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
