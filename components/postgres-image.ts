/** User and group of the official image; its entry script reads files as this user. */
export const postgresUser = "999:999";

/** Returns where the volume belongs: from 18 on the official image keeps its data one level lower, by major version. */
export function dataPath(version: number): string {
  return version >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data";
}

/** Returns the folders of a job with that image: without something mounted there, each run would leave a volume without a name behind. */
export function noData(version: number): Readonly<Record<string, string>> {
  return { [dataPath(version)]: "rw,noexec,nosuid,nodev,size=64k" };
}

/** How a database is made: by whoever makes it, and equal in all of them. */
export const initdbArguments = "--data-checksums --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256";
