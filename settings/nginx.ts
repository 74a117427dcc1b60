import { asCpus, asImage, asMegabytes, asText, balancing, cpuNumbers, imageNames, matching, orNone, sizes, wholeNumber } from "../allowed-values.ts";
import { setting } from "./setting.ts";

/** What nginx may use, and how it shares out requests. */
export const nginxSettings = {
  image: setting("Image of nginx 1.27.4 or newer, made from the official one for Debian.", imageNames, "nginx:1.30", "nginx:1.30", asImage),
  // Twice the 1,024 of the guides: a thousand connections that one client holds on purpose leave room for everybody else's.
  workerConnections: setting("Connections a worker process.", "a whole number from 64 to 8192", 1024, 2048, wholeNumber(64, 8192)),
  keepaliveSeconds: setting("How long an idle client connection stays.", "a whole number from 5 to 3600", 65, 65, wholeNumber(5, 3600)),
  maxBodySize: setting("Largest request body.", "a size such as 512k, 10m or 1g", "10m", "10m", matching(/^[1-9]\d{0,5}[kmg]$/)),
  clientTimeoutSeconds: setting(
    "How long a client may pause within a request, or while it reads the answer.",
    "a whole number from 5 to 3600",
    15,
    15,
    wholeNumber(5, 3600),
  ),
  transferSeconds: setting(
    "How long a download or an upload that began before a change may go on after it; app.requestGraceSeconds and 5 at least.",
    "a whole number from 35 to 86400",
    3600,
    3600,
    wholeNumber(35, 86400),
  ),
  balancing: setting(
    "Which replica gets a request: the least busy one, each in turn, or always the same one for a client's address.",
    balancing.allowed,
    "least_conn",
    "least_conn",
    balancing.parse,
  ),
  httpSnippet: setting<string | undefined>(
    "A file of directives of your own for nginx's http block.",
    "a path from the checkout, or none",
    undefined,
    undefined,
    orNone(asText),
  ),
  serverSnippet: setting<string | undefined>(
    "The same for the site's server.",
    "a path from the checkout, or none",
    undefined,
    undefined,
    orNone(asText),
  ),
  cpus: setting("CPUs that nginx may use.", cpuNumbers, 1, 1, asCpus),
  memory: setting("Memory that nginx may use.", sizes, 256, 256, asMegabytes),
};
