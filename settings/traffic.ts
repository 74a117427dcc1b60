import {
  accessPaths,
  addressRanges,
  asAccessPaths,
  asAddressRange,
  asBasicAuth,
  asFlag,
  asPath,
  asPathPattern,
  asText,
  listOf,
  matching,
  orNone,
  pathPatterns,
  paths,
  wholeNumber,
} from "../allowed-values.ts";
import { setting, type Setting } from "./setting.ts";

/** A list of addresses, empty by itself. */
function addresses(about: string): Setting<readonly string[]> {
  return setting<readonly string[]>(about, addressRanges, [], [], listOf(asAddressRange));
}

/** A limit that development has none of. */
function limit(about: string, prod: number): Setting<number | undefined> {
  return setting<number | undefined>(about, "a whole number from 1 to 100000, or none", undefined, prod, orNone(wholeNumber(1, 100_000)));
}

/** What nginx keeps, limits and turns away before Django hears of it. */
export const trafficSettings = {
  cache: {
    enabled: setting("Whether nginx keeps Django's answers for visitors who aren't logged in.", "true, false", false, false, asFlag),
    minutes: setting("How long, where an answer's Cache-Control doesn't say it.", "a whole number from 1 to 1440", 10, 10, wholeNumber(1, 1440)),
    version: setting("Count up to drop everything at once.", "a whole number from 1 to 1000000", 1, 1, wholeNumber(1, 1_000_000)),
    maxSize: setting("Size on its volume.", "a size such as 64m or 1g", "256m", "256m", matching(/^[1-9]\d{0,5}[mg]$/)),
    sessionCookies: setting<readonly string[]>(
      "Cookies of visitors who are somebody, or see other pages: they are never answered from the cache, nor are those with Django's django_language and messages.",
      "a list of cookie names of letters, digits, _, - and .",
      ["sessionid"],
      ["sessionid"],
      listOf(matching(/^[\w.-]{1,64}$/)),
    ),
    exceptPaths: setting<readonly string[]>(
      "Beginnings of paths that are never kept.",
      `a list of ${paths}`,
      ["/admin/", "/accounts/"],
      ["/admin/", "/accounts/"],
      listOf(asPath),
    ),
  },
  limits: {
    requestsPerSecond: limit("Requests to Django that one client may make a second; more get 429.", 100),
    burst: setting("How many a client may be ahead of that rate.", "a whole number from 1 to 100000", 200, 200, wholeNumber(1, 100_000)),
    connections: limit("Requests to Django that one client may have under way at once.", 100),
    loginAttemptsPerMinute: limit("Attempts to log in that one client may make a minute, and five at once.", 10),
    loginPaths: setting<readonly string[]>(
      "Paths whose POST is such an attempt; the star in /*/admin/login/ is any one part, such as a language.",
      `a list of ${pathPatterns}`,
      ["/admin/login/", "/accounts/login/"],
      ["/admin/login/", "/accounts/login/"],
      listOf(asPathPattern),
    ),
  },
  access: {
    allow: addresses("Who may use the site; nobody else may."),
    deny: addresses("Who may not."),
    paths: setting<ReturnType<typeof asAccessPaths>>("Lists of their own for parts of the site.", accessPaths, {}, {}, asAccessPaths),
  },
  basicAuth: setting<{ readonly username: string } | undefined>(
    "A name that browsers ask for before the site is shown, as for staging; the password is an output.",
    "none, or { username }",
    undefined,
    undefined,
    asBasicAuth,
  ),
  maintenance: {
    enabled: setting("Whether the site is closed: 503 and a page that says so.", "true, false", false, false, asFlag),
    allow: addresses("Who may use it all the same."),
    retryAfterSeconds: setting("When the others are told to come again.", "a whole number from 1 to 86400", 300, 300, wholeNumber(1, 86_400)),
  },
  robots: setting<string | undefined>(
    "What /robots.txt says; deny keeps every search engine out, none leaves it to Django.",
    "none, deny, or a path from the checkout",
    undefined,
    undefined,
    orNone(asText),
  ),
  privateMedia: setting<string | undefined>(
    "Folder of media-data that only Django's X-Accel-Redirect gives files of.",
    "a folder name of letters, digits, - and _, or none",
    undefined,
    undefined,
    orNone(matching(/^[\w-]{1,64}$/)),
  ),
};
