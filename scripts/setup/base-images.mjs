// The base images, and what to do where no registry can be reached: build stand-ins of the same contract from Debian packages.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages, updatePackageLists } from "./packages.mjs";
import { Failure, output, run, tail } from "./process.mjs";

/** The images that a stack with default versions starts from; for each the folder of its stand-in and the Debian release that has its packages. */
export const baseImages = [
  { image: "postgres:18", standIn: "postgres", debian: "forky" },
  { image: "nginx:1.30", standIn: "nginx", debian: "forky" },
  { image: "python:3.14-slim", standIn: "python", debian: "forky" },
  { image: "restic/restic:0.19.1", standIn: "restic", debian: "forky" },
];

/** What upgrades of the database are tested from: the first whose database Postgres' own tools take over. */
export const olderPostgres = [
  { major: "17", debian: "trixie" },
  { major: "15", debian: "bookworm" },
].map(({ major, debian }) => ({
  image: `postgres:${major}`,
  standIn: "postgres",
  debian,
  buildArguments: { VERSION: major, DATA: "/var/lib/postgresql/data", DATA_VOLUME: "/var/lib/postgresql/data" },
}));

const standIns = join(dirname(fileURLToPath(import.meta.url)), "..", "stand-ins");
const standInBase = (debian) => `django-stack-stand-in/debian:${debian}`;

/** Returns what is known of images by name: a stand-in for those that have one. */
export function knownImages(names) {
  return names.map((name) => [...baseImages, ...olderPostgres].find(({ image }) => image === name) ?? { image: name });
}

/** Makes sure of every image and returns how, one line; throws a Failure that names the image and the cause. */
export function ensureBaseImages(docker, images = baseImages) {
  const missing = images.filter((entry) => !present(docker, entry.image) || isOutdated(docker, entry));
  const refused = [];
  for (const entry of missing) {
    const pull = run(docker.command, [...docker.arguments, "pull", "--quiet", entry.image], { timeoutSeconds: 600 });
    if (pull.status !== 0) {
      const cause = tail(pull.stderr, 1);
      if (entry.standIn === undefined) {
        throw new Failure("base images", `${entry.image} can't be pulled: ${cause}`, "correct its name in the stack's file, or docker login");
      }
      refused.push({ ...entry, cause });
      if (isUnreachable(pull.stderr)) break;
    }
  }
  if (refused.length > 0) {
    buildStandIns(
      docker,
      refused[0].cause,
      missing.filter((entry) => !present(docker, entry.image) || isOutdated(docker, entry)),
    );
  }
  const stands = images.filter(({ image }) => standInOf(docker, image) !== "").map(({ image }) => image);
  const names = images.map(({ image }) => image).join(", ");
  return stands.length === 0 ? names : `${names} (stand-ins from Debian packages, no registry answered: ${stands.join(", ")})`;
}

function present(docker, image) {
  return run(docker.command, [...docker.arguments, "image", "inspect", image]).status === 0;
}

const standInOf = (docker, image) => label(docker, image, "django-stack.stand-in");

/** Whether an image is a stand-in that an older release of this project has made. */
function isOutdated(docker, { image, standIn }) {
  return standInOf(docker, image) !== "" && label(docker, image, sourceLabel) !== sourceOf(standIn);
}

const sourceLabel = "django-stack.stand-in-source";

function sourceOf(standIn) {
  const folder = join(standIns, standIn);
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}

function label(docker, image, name) {
  const format = `{{ index .Config.Labels "${name}" }}`;
  return output(docker.command, [...docker.arguments, "image", "inspect", "--format", format, image]).replace("<no value>", "");
}

function isUnreachable(message) {
  return /lookup|no such host|timeout|timed out|refused|unreachable|TLS|certificate|Forbidden|EOF/i.test(message);
}

function buildStandIns(docker, cause, wanted) {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (process.getuid?.() !== 0 || !/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release)) {
    if (wanted.every(({ image }) => present(docker, image))) return;
    throw new Failure("base images", `${wanted[0].image} can't be pulled: ${cause}`, "check the network, or `docker load` the images");
  }
  for (const { image, standIn, debian, buildArguments = {} } of wanted) {
    if (!present(docker, standInBase(debian))) importDebian(docker, debian);
    const tag = `django-stack-stand-in/${image}`;
    const build = run(
      docker.command,
      [
        ...docker.arguments,
        "build",
        ...Object.entries({ BASE: standInBase(debian), ...buildArguments }).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
        ...["--label", `${sourceLabel}=${sourceOf(standIn)}`, "--tag", tag, "--tag", image, join(standIns, standIn)],
      ],
      { timeoutSeconds: 900 },
    );
    if (build.status !== 0) {
      throw new Failure(
        "base images",
        `${image} can't be pulled (${cause}), and its stand-in doesn't build:\n${tail(build.stdout + build.stderr, 10)}`,
        `docker build --build-arg BASE=${standInBase(debian)} ${join("scripts", "stand-ins", standIn)}`,
      );
    }
  }
}

function importDebian(docker, debian) {
  if (run("debootstrap", ["--version"]).status !== 0) {
    updatePackageLists();
    const install = installPackages("debootstrap");
    if (install.status !== 0) throw new Failure("base images", tail(install.stderr, 3), "apt-get install debootstrap");
  }
  const folder = mkdtempSync(join(tmpdir(), "django-stack-debian-"));
  try {
    const root = join(folder, "root");
    // No mirror is named: debootstrap's own default. The script is named, for an older debootstrap doesn't know this release.
    const bootstrap = run("debootstrap", ["--variant=minbase", "--include=ca-certificates", debian, root, "", "/usr/share/debootstrap/scripts/sid"], {
      timeoutSeconds: 900,
    });
    if (bootstrap.status !== 0) throw new Failure("base images", tail(bootstrap.stdout, 3), "check that Debian's packages can be reached");
    // A testing release's Release file runs out between two of its updates, and a network may have a certificate authority of its own.
    const prepare = `
      echo 'Acquire::Check-Valid-Until "false";' > "$1/etc/apt/apt.conf.d/99stand-in"
      if [ -s /etc/ssl/certs/ca-certificates.crt ]; then cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"; fi
      for file in /usr/local/share/ca-certificates/*.crt; do [ ! -e "$file" ] || cp "$file" "$1/usr/local/share/ca-certificates/"; done
      rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
      tar -C "$1" -cf "$2" .`;
    const archive = join(folder, "debian.tar");
    const prepared = run("sh", ["-ec", prepare, "sh", root, archive], { timeoutSeconds: 300 });
    if (prepared.status !== 0) throw new Failure("base images", tail(prepared.stderr, 3), "check the free space under the temporary folder");
    const imported = run(docker.command, [...docker.arguments, "import", archive, standInBase(debian)], { timeoutSeconds: 300 });
    if (imported.status !== 0) throw new Failure("base images", tail(imported.stderr, 3), "check the free space of the Docker host");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
