import {
  asCpus,
  asImage,
  asMegabytes,
  asObject,
  cpuNumbers,
  imageNames,
  listOf,
  matching,
  orNone,
  port,
  portOrNone,
  refuse,
  sizes,
  wholeNumber,
} from "../allowed-values.ts";
import { setting } from "./setting.ts";

/** What the containers around the server rely on, and with what to set it. */
const settingsOfTheStack: Readonly<Record<string, string>> = {
  data_directory: "the stack sets it",
  config_file: "the stack sets it",
  external_pid_file: "the stack sets it",
  fsync: "without it a power cut costs the database",
  full_page_writes: "without it a power cut costs the database",
  hba_file: "the stack sets it",
  ident_file: "the stack sets it",
  listen_addresses: "the stack sets it",
  max_connections: "set postgres.maxConnections",
  password_encryption: "the stack sets it",
  port: "the stack sets it",
  unix_socket_directories: "the stack sets it",
  unix_socket_permissions: "the stack sets it",
};

function asServerSettings(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(value)).map(([given, content]) => {
    // Postgres writes some of them in capitals too, such as TimeZone.
    const name = given.toLowerCase();
    if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(name)) refuse(`rename ${JSON.stringify(name)}`);
    if (Object.hasOwn(settingsOfTheStack, name)) refuse(`remove ${name}: ${settingsOfTheStack[name]}`);
    if (!["string", "number", "boolean"].includes(typeof content)) refuse(`give ${name} a text, a number, true or false`);
    if (/[\0\r\n]/.test(String(content))) refuse(`give ${name} a value of one line`);
    return [name, String(content)] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const majors = "a whole number from 14 to 18";

/** The database server. */
export const postgresSettings = {
  version: setting("Major version; part of the data volume's name.", majors, 18, 18, wholeNumber(14, 18)),
  upgradeFrom: setting<number | undefined>(
    "Major version whose data the one above takes over, or goes back to; stays set as long as the other volume is kept.",
    `${majors}, or none`,
    undefined,
    undefined,
    orNone(wholeNumber(14, 18)),
  ),
  image: setting<string | undefined>(
    "Image of that version, made from the official one for Debian, as PostGIS' and pgvector's are; none is postgres:<version>.",
    `${imageNames}, or none`,
    undefined,
    undefined,
    orNone(asImage),
  ),
  extensions: setting<readonly string[]>(
    "Extensions that only a superuser may create, such as postgis; each is brought to its image's version.",
    "a list of extensions' names",
    [],
    [],
    listOf(matching(/^[a-z][a-z0-9_-]{0,62}$/)),
  ),
  settings: setting<Readonly<Record<string, string>>>(
    "Settings of the server, in place of those that follow from its memory or beside them.",
    "names of Postgres' settings, each with a text, a number, true or false",
    {},
    {},
    asServerSettings,
  ),
  cpus: setting("CPUs that Postgres may use.", cpuNumbers, 1, 2, asCpus),
  memory: setting("Memory that Postgres may use; its caches follow from it.", sizes, 512, 1024, asMegabytes),
  maxConnections: setting(
    "Connections that it takes at once; a roll-out needs two for each thread of the app.",
    "a whole number from 20 to 1000",
    100,
    200,
    wholeNumber(20, 1000),
  ),
  publishPort: setting<number | undefined>("Port of Postgres on 127.0.0.1.", portOrNone, 5432, undefined, orNone(port)),
};
