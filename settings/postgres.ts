import { asCpus, asMegabytes, cpuNumbers, orNone, port, portOrNone, sizes, wholeNumber } from "../allowed-values.ts";
import { setting } from "./setting.ts";

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
