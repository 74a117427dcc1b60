// From which version of Postgres upgrades can be tested on this machine: from none whose image is a later release than the newer one's.
import { ensureBaseImages, olderPostgres } from "./setup/base-images.mjs";
import { run } from "./setup/process.mjs";

/**
 * Finds the older version that upgrades can be tested from, and makes sure of its image.
 *
 * @returns its major version as `from`, undefined where there is none; of those before it in the list, `refused`, the major version and Postgres' reason.
 */
export function upgradeSource(docker) {
  const refused = [];
  for (const older of olderPostgres) {
    try {
      ensureBaseImages(docker, [older]);
    } catch (error) {
      // Without the first there is nothing to test; without the others, upgrades alone.
      if (error?.name !== "Failure" || refused.length === 0) throw error;
      process.stderr.write(`${error.message}\n`);
      break;
    }
    const reason = dumpRefusal(older.image);
    const major = older.image.replace("postgres:", "");
    if (reason === undefined) return { from: major, refused };
    refused.push({ major, reason });
  }
  return { from: undefined, refused };
}

/**
 * Takes an empty table from one major version to the other by Postgres' own pg_dump and pg_restore.
 *
 * @returns why they refuse it; undefined where they don't.
 */
function dumpRefusal(older, newer = "postgres:18") {
  const name = `django-stack-test-dump-${process.pid}`;
  const servers = [
    { image: older, object: `${name}-older` },
    { image: newer, object: `${name}-newer` },
  ];
  const docker = (...args) => run("docker", args, { timeoutSeconds: 120 });
  try {
    for (const { image, object } of servers) {
      const options = ["--network", "none", "--env", "POSTGRES_PASSWORD=only for this", "--volume", `${object}:/var/run/postgresql`];
      docker("run", "--detach", "--name", object, ...options, image);
    }
    for (const { object } of servers) {
      // By TCP: while initdb's own server runs, only the socket answers.
      docker("exec", object, "sh", "-c", "for second in $(seq 60); do pg_isready --quiet --host=127.0.0.1 && exit; sleep 1; done; exit 1");
    }
    const [from, to] = servers;
    docker("exec", "--user", "postgres", from.object, "psql", "--command", "CREATE TABLE probe (value int)");
    const copy = "pg_dump --host=/from --format=custom postgres | pg_restore --host=/to --dbname=postgres --exit-on-error";
    const mounts = ["--volume", `${from.object}:/from`, "--volume", `${to.object}:/to`];
    const restored = docker(
      ...["run", "--rm", "--network", "none", "--user", "postgres", ...mounts],
      ...["--entrypoint", "/bin/bash", newer, "-o", "pipefail", "-c", copy],
    );
    // Where it fails otherwise the tests shall run, and show it.
    return /ERROR: .*/.exec(restored.stderr)?.[0];
  } finally {
    for (const { object } of servers) {
      docker("rm", "--force", "--volumes", object);
      docker("volume", "rm", object);
    }
  }
}
