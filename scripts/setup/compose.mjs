// Docker Compose: found as a plugin of the docker command, installed where it is missing and that may be done.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aptEnvironment, installPackages, mayInstall, updatePackageLists } from "./packages.mjs";
import { Failure, output, run, tail } from "./process.mjs";
import { compareVersions } from "./versions.mjs";

/** The oldest Docker Compose that a stack was run with. */
export const oldestCompose = "2.20";

/** Makes sure of Docker Compose and returns its version. */
export function ensureCompose({ install, print }) {
  const found = version();
  if (isRecent(found)) return found;
  const cause = found === "" ? "docker compose isn't there" : `got version ${found}; needed: ${oldestCompose} or newer`;
  if (!mayInstall(install)) throw new Failure("Compose", cause, "install it: https://docs.docker.com/compose/install/");
  print(`${cause}; installing it from Debian's packages`);
  const problem = installPackage() ?? undefined;
  if (!isRecent(version())) {
    throw new Failure(
      "Compose",
      `${cause}, and Debian's packages brought none: ${problem ?? "too old"}`,
      "install it: https://docs.docker.com/compose/install/",
    );
  }
  return version();
}

const isRecent = (found) => found !== "" && compareVersions(found, oldestCompose) >= 0;

function version() {
  return output("docker", ["compose", "version", "--short"]).replace(/^v/, "");
}

/** The names that Ubuntu, Docker and Debian have for it; Debian's before 13 is Compose 1. */
const packages = ["docker-compose-v2", "docker-compose-plugin", "docker-compose"];

/** Returns what went wrong, if anything did. */
function installPackage() {
  updatePackageLists();
  for (const name of packages) {
    const candidate = /Candidate: (?:\d+:)?(\S+)/.exec(run("apt-cache", ["policy", name]).stdout)?.[1];
    if (candidate === undefined || candidate === "(none)" || compareVersions(candidate, oldestCompose) < 0) continue;
    const { status, stderr } = installPackages(name);
    return status === 0 ? undefined : tail(stderr, 2);
  }
  return installFromNewerDebian();
}

/** Debian 13's package needs only libc: on an older Debian its plugin is taken out of it. */
function installFromNewerDebian() {
  const mirror = debianMirror();
  if (mirror === undefined) return "none of them is recent enough";
  const folder = mkdtempSync(join(tmpdir(), "django-stack-compose-"));
  try {
    const sources = join(folder, "sources.list");
    writeFileSync(sources, `deb ${mirror} trixie main\n`);
    const places = {
      "Dir::Etc::SourceList": sources,
      "Dir::Etc::SourceParts": "/dev/null",
      "Dir::State::Lists": join(folder, "lists"),
      "Dir::Cache": join(folder, "cache"),
    };
    const options = Object.entries(places).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
    for (const name of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(folder, name), { recursive: true });
    // Its signing keys may be newer than this Debian's, and apt's own user may not read this folder.
    const update = run("apt-get", [...options, "-o", "APT::Sandbox::User=root", "update"], { timeoutSeconds: 300, env: aptEnvironment });
    if (update.status !== 0) return tail(update.stderr, 2);
    const download = run("apt-get", [...options, "-o", "APT::Sandbox::User=root", "download", "docker-compose"], {
      cwd: folder,
      timeoutSeconds: 300,
      env: aptEnvironment,
    });
    const file = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (download.status !== 0 || file === undefined) return tail(download.stderr, 2);
    const unpack = run("dpkg-deb", ["--extract", join(folder, file), join(folder, "package")]);
    if (unpack.status !== 0) return tail(unpack.stderr, 2);
    const target = "/usr/local/lib/docker/cli-plugins";
    mkdirSync(target, { recursive: true });
    const copy = run("install", [
      "-m",
      "0755",
      join(folder, "package/usr/libexec/docker/cli-plugins/docker-compose"),
      join(target, "docker-compose"),
    ]);
    return copy.status === 0 ? undefined : tail(copy.stderr, 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The mirror that this machine has Debian's packages from; undefined on anything else. */
function debianMirror() {
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])].filter(existsSync);
  const text = files.map((file) => readFileSync(file, "utf8")).join("\n");
  return /https?:\/\/\S+\/debian\/?(?=\s|$)/m.exec(text)?.[0];
}
