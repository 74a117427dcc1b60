import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { settings } from "../../settings.ts";
import { baseImages, ensureBaseImages, knownImages } from "../../scripts/setup/base-images.mjs";
import { ensureCompose, oldestCompose } from "../../scripts/setup/compose.mjs";
import { ensureDocker } from "../../scripts/setup/docker.mjs";
import { ensurePackages, oldestNode } from "../../scripts/setup/node-packages.mjs";
import { ensurePlugins, ensurePulumi, oldestPulumi } from "../../scripts/setup/pulumi.mjs";

const root = join(import.meta.dirname, "../..");
let folder: string;
let path: string;

/** Puts a program of a few lines of shell on PATH, alone with the system's own. */
function program(name: string, script: string): void {
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "bin", name), 0o755);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-setup-"));
  mkdirSync(join(folder, "bin"));
  for (const name of ["cat", "sleep"]) program(name, `exec /bin/${name} "$@"`);
  path = join(folder, "bin");
  vi.stubEnv("PATH", path);
  vi.stubEnv("PULUMI_HOME", join(folder, "pulumi-home"));
  vi.stubEnv("DOCKER_HOST", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect((error as Error).name).toBe("Failure");
    return (error as Error).message;
  }
  return "no error";
};

describe("Compose", () => {
  const find = () => ensureCompose({ install: false, print: () => expect.fail("printed") });
  const answers = (version: string) => program("docker", `[ "$1 $2 $3" = "compose version --short" ] && ${version}`);

  test.each(["2.20.0", "v2.40.3", "5.0.1"])("%s is recent enough", (version) => {
    answers(`echo ${version}`);
    expect(find()).toBe(version.replace("v", ""));
  });

  test("not there", () => {
    answers(`{ echo "docker: 'compose' is not a docker command." >&2; exit 1; }`);
    expect(messageOf(find)).toBe("Compose: docker compose isn't there\n  fix: install it: https://docs.docker.com/compose/install/");
  });

  test("too old", () => {
    answers("echo 2.19.1");
    expect(messageOf(find)).toBe(
      `Compose: got version 2.19.1; needed: ${oldestCompose} or newer\n  fix: install it: https://docs.docker.com/compose/install/`,
    );
  });
});

describe("Docker", () => {
  const find = () => ensureDocker({ install: false, print: () => expect.fail("printed") });
  const client = (server: string, context = "echo unix:///var/run/docker.sock") =>
    program("docker", `case "$1" in --version) echo 'Docker version 28.2.2' ;; context) ${context} ;; version) ${server} ;; esac`);

  test("not there", () => {
    expect(messageOf(find)).toMatch(/^Docker: the docker command isn't on PATH\n {2}fix: (apt-get install docker\.io, as root|install Docker)/);
  });

  test("not running", () => {
    client("echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1");
    program("dockerd", "echo 'Docker version 28.2.2'");
    expect(messageOf(find)).toBe(
      "Docker: no engine answers: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n  fix: sudo systemctl start docker, or sudo dockerd where there is no systemd",
    );
  });

  test("no permission", () => {
    client("echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1");
    expect(messageOf(find)).toBe(
      "Docker: no permission to use the engine: permission denied while trying to connect to the Docker daemon socket\n  fix: sudo usermod -aG docker $USER, then log in again",
    );
  });

  test("too old", () => {
    client("echo 19.03.8");
    expect(messageOf(find)).toBe(
      "Docker: got engine 19.03.8; needed: 20.10 or newer\n  fix: upgrade Docker: https://docs.docker.com/engine/install/",
    );
  });

  test("Podman's command in its place", () => {
    program("docker", "echo 'Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.' >&2; echo podman version 5.8.6");
    expect(messageOf(find)).toMatch(/^Docker: the docker command here is Podman's: podman version 5\.8\.6\n {2}fix: /);
  });

  test("Podman in its place", () => {
    client("echo '5.8.6|Podman Engine'");
    expect(messageOf(find)).toBe(
      "Docker: got Podman 5.8.6, on which the stack was never run; needed: Docker Engine 20.10 or newer\n  fix: install that: https://docs.docker.com/engine/install/; DOCKER_HOST or the docker context says which engine is asked",
    );
  });

  test("a context that doesn't answer", () => {
    client("echo 'error during connect' >&2; exit 1", "echo tcp://server:2376");
    expect(messageOf(find)).toContain(
      "Docker: no engine answers at tcp://server:2376: error during connect\n  fix: check that tcp://server:2376 is right",
    );
  });

  test("a host that ssh doesn't get to", () => {
    client(
      "echo 'error during connect: command [ssh -l root -p 2222 -- server docker system dial-stdio] has exited with exit status 255: stderr=root@server: Permission denied (publickey).' >&2; exit 1",
      "echo ssh://root@server:2222",
    );
    expect(messageOf(find)).toBe(
      "Docker: no engine answers at ssh://root@server:2222: root@server: Permission denied (publickey).\n  fix: see that `ssh -p 2222 root@server docker version` works",
    );
  });

  test("found by its context, which Pulumi's provider doesn't look at", () => {
    client("echo '28.2.2|Engine'", "echo ssh://root@server");
    expect(find()).toEqual({ command: "docker", arguments: [], host: "ssh://root@server", version: "28.2.2" });
    vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:2375");
    expect(find().host).toBe("tcp://127.0.0.1:2375");
  });
});

describe("Pulumi", () => {
  const environment = () => ({ PATH: path });
  const npmPackage = (script: string) => {
    mkdirSync(join(folder, "node_modules", ".bin"), { recursive: true });
    writeFileSync(join(folder, "node_modules", ".bin", "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };

  test("from PATH", () => {
    program("pulumi", "echo v3.300.0");
    expect(ensurePulumi(folder, environment())).toEqual({ command: join(folder, "bin", "pulumi"), version: "3.300.0", from: "PATH" });
  });

  test("from its home, where the one on PATH is too old", () => {
    program("pulumi", "echo v3.100.0");
    const bin = join(folder, "pulumi-home", "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "pulumi"), `#!/bin/sh\necho v${oldestPulumi}\n`, { mode: 0o755 });
    expect(ensurePulumi(folder, environment())).toMatchObject({ version: oldestPulumi, from: bin });
  });

  test("from npm, which downloads it", () => {
    npmPackage("echo 'Downloading' ; echo v3.265.0");
    expect(ensurePulumi(folder, environment())).toMatchObject({ version: "3.265.0", from: "npm" });
  });

  test("not to be had", () => {
    npmPackage("echo 'pulumi: fetch failed' >&2; exit 1");
    expect(messageOf(() => ensurePulumi(folder, environment()))).toBe(
      `Pulumi: none is on PATH or in ${join(folder, "pulumi-home", "bin")}, and npm's pulumi package couldn't download one: pulumi: fetch failed\n  fix: install it: https://www.pulumi.com/docs/install/`,
    );
    vi.stubEnv("PULUMI_HOME", undefined);
    vi.stubEnv("HOME", folder);
    expect(messageOf(() => ensurePulumi(folder, environment()))).toContain("Pulumi: none is on PATH or in ~/.pulumi/bin, and");
    program("pulumi", "echo v3.100.0");
    expect(messageOf(() => ensurePulumi(folder, environment()))).toContain(`PATH has 3.100.0; needed: ${oldestPulumi} or newer, and npm's`);
  });

  test("installs the plugins that are missing, of the versions in package.json", () => {
    writeFileSync(join(folder, "package.json"), readFileSync(join(root, "package.json")));
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const there = JSON.stringify([{ kind: "resource", name: "docker", version: dependencies["@pulumi/docker"] }]);
    program("pulumi", `if [ "$2" = ls ]; then echo '${there}'; else echo "$@" >> ${folder}/installed; fi`);
    expect(ensurePlugins(folder, { command: join(path, "pulumi") }, environment())).toMatch(/^docker [\d.]+, random [\d.]+, tls [\d.]+$/);
    expect(readFileSync(join(folder, "installed"), "utf8")).toBe(
      `plugin install resource random v${dependencies["@pulumi/random"]}\nplugin install resource tls v${dependencies["@pulumi/tls"]}\n`,
    );
  });

  test("a plugin that can't be had is named with the command", () => {
    writeFileSync(join(folder, "package.json"), readFileSync(join(root, "package.json")));
    program("pulumi", `if [ "$2" = ls ]; then echo '[]'; else echo 'error: no such host' >&2; exit 1; fi`);
    expect(messageOf(() => ensurePlugins(folder, { command: join(path, "pulumi") }, environment()))).toMatch(
      /^Pulumi plugins: docker [\d.]+: error: no such host\n {2}fix: pulumi plugin install resource docker v[\d.]+$/,
    );
  });
});

describe("npm packages", () => {
  test("are installed when the lock file changed, and not again", () => {
    writeFileSync(join(folder, "package-lock.json"), "{}");
    program("npm", `echo "$1" >> ${folder}/npm-calls`);
    expect(ensurePackages(folder)).toBe("installed by npm ci");
    expect(ensurePackages(folder)).toBe("as in package-lock.json");
    writeFileSync(join(folder, "package-lock.json"), "{ }");
    expect(ensurePackages(folder)).toBe("installed by npm ci");
    expect(readFileSync(join(folder, "npm-calls"), "utf8")).toBe("ci\nci\n");
  });

  test("that somebody's own npm ci has installed stay, where they are those of the lock file", () => {
    const packages = { "": {}, "node_modules/a": { integrity: "sha512-a" }, "node_modules/mac": { integrity: "sha512-m", optional: true } };
    const install = (installed: object) => writeFileSync(join(folder, "node_modules/.package-lock.json"), JSON.stringify({ packages: installed }));
    const others = [
      {},
      { "node_modules/a": { integrity: "sha512-b" } },
      { "node_modules/a": packages["node_modules/a"], "node_modules/b": { integrity: "sha512-b" } },
    ];
    program("npm", "exit 0");
    mkdirSync(join(folder, "node_modules"));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages }));
    for (const other of others) {
      install(other);
      expect(ensurePackages(folder)).toBe("installed by npm ci");
      rmSync(join(folder, "node_modules/.django-stack-lock"));
    }
    install({ "node_modules/a": packages["node_modules/a"] });
    expect(ensurePackages(folder)).toBe("as in package-lock.json, installed by hand");
    expect(ensurePackages(folder)).toBe("as in package-lock.json");
  });

  test("that don't install fail with npm's last lines, and are tried again", () => {
    writeFileSync(join(folder, "package-lock.json"), "{}");
    program("npm", "echo 'npm error network' >&2; exit 1");
    expect(messageOf(() => ensurePackages(folder))).toBe("npm packages: npm error network\n  fix: npm ci");
    expect(messageOf(() => ensurePackages(folder))).toContain("npm error network");
  });
});

test("the base images are those that the defaults start from", () => {
  const from = [...readFileSync(join(root, "django/Dockerfile"), "utf8").matchAll(/^FROM (\S+:\S+)/gm)].map(([, image]) => image);
  expect(baseImages.map(({ image }) => image)).toEqual([
    `postgres:${settings.postgres.version.prod}`,
    "nginx:1.30",
    ...new Set(from),
    "restic/restic:0.19.1",
  ]);
});

describe("a base image", () => {
  test("a stand-in that an older release made is made anew, where it can be", () => {
    const [, nginx] = baseImages;
    program(
      "docker",
      `case "$*" in
        build*) echo "$*" >> ${folder}/built ;;
        pull*) echo 'lookup registry: no such host' >&2; exit 1 ;;
        *stand-in-source*) echo 0123456789ab ;;
        *stand-in*) echo nginx:1.30 ;;
      esac`,
    );
    vi.spyOn(process, "getuid").mockReturnValue(0);
    expect(ensureBaseImages({ command: "docker", arguments: [] }, [nginx])).toBe(
      "nginx:1.30 (stand-ins from Debian packages, no registry answered: nginx:1.30)",
    );
    expect(readFileSync(join(folder, "built"), "utf8")).toMatch(/--label django-stack\.stand-in-source=[0-9a-f]{12} --tag /);
    rmSync(join(folder, "built"));
    vi.spyOn(process, "getuid").mockReturnValue(1000);
    ensureBaseImages({ command: "docker", arguments: [] }, [nginx]);
    expect(existsSync(join(folder, "built"))).toBe(false);
  });

  test("one that can't be pulled and has no stand-in is named with the cause", () => {
    program("docker", `[ "$1" = pull ] && echo 'Error: pull access denied for shop/postgis' >&2; exit 1`);
    expect(messageOf(() => ensureBaseImages({ command: "docker", arguments: [] }, knownImages(["shop/postgis:18"])))).toBe(
      "base images: shop/postgis:18 can't be pulled: Error: pull access denied for shop/postgis\n  fix: correct its name in the stack's file, or docker login",
    );
  });
});

test("package.json asks for the Node.js that the set-up makes sure of", () => {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(`${engines.node}.0`).toBe(`>=${oldestNode}`);
});
