import {
  asCpus,
  asEnvironment,
  asFlag,
  asImage,
  asMegabytes,
  asText,
  asTimesOfDay,
  asTarget,
  cpuNumbers,
  environments,
  imageNames,
  matching,
  orNone,
  sizes,
  targets,
  timesOfDay,
  wholeNumber,
} from "../allowed-values.ts";
import { setting } from "./setting.ts";

/** Backups of the database and the media files. */
export const backupSettings = {
  enabled: setting("Whether backups are made, each restored and compared before it counts.", "true, false", false, true, asFlag),
  schedule: setting<readonly string[]>("Times of day, UTC, at which one is made.", timesOfDay, ["02:30"], ["02:30"], asTimesOfDay),
  target: setting(
    "Where they are kept: a volume of the same Docker host, a folder of it, another host by sftp, or S3-compatible storage.",
    targets,
    "volume",
    "volume",
    asTarget,
  ),
  keepDaily: setting("Days of which the last one is kept.", "a whole number from 1 to 1000", 7, 7, wholeNumber(1, 1000)),
  keepWeekly: setting("Weeks of which the last one is kept.", "a whole number from 0 to 1000", 4, 4, wholeNumber(0, 1000)),
  keepMonthly: setting("Months of which the last one is kept.", "a whole number from 0 to 1000", 12, 12, wholeNumber(0, 1000)),
  maxAgeHours: setting("Age of the last proven one at which it counts as missing.", "a whole number from 1 to 8760", 26, 26, wholeNumber(1, 8760)),
  passphrase: setting<string | undefined>(
    "What they are encrypted with, set with --secret; none makes one, which is an output.",
    "a text of one line, 12 to 1000 characters, or none",
    undefined,
    undefined,
    orNone(matching(/^[^\r\n\0]{12,1000}$/)),
  ),
  credentials: setting<Readonly<Record<string, string>>>(
    "restic's environment for the target, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; set with --secret.",
    environments,
    {},
    {},
    asEnvironment,
  ),
  sshKey: setting<string | undefined>(
    "Private key for a target by sftp; a text is set with --secret.",
    "a path from the checkout, a key's text, or none",
    undefined,
    undefined,
    orNone(asText),
  ),
  sshHostKeys: setting<string | undefined>(
    "Public keys of that host, as ssh-keyscan prints them.",
    "a path from the checkout, or none",
    undefined,
    undefined,
    orNone(asText),
  ),
  // The version that the tests ran with; github.com/restic/restic.
  resticImage: setting("Image that restic is taken from.", imageNames, "restic/restic:0.19.1", "restic/restic:0.19.1", asImage),
  cpus: setting("CPUs that a backup may use, of those that requests leave.", cpuNumbers, 2, 2, asCpus),
  memory: setting("Memory that a backup may use.", sizes, 1024, 1024, asMegabytes),
};
