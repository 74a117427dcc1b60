import {
  accessPaths,
  asAccessPaths,
  asAddress,
  asAddressRange,
  asBasicAuth,
  asCpus,
  asDirectory,
  asEnvironment,
  asFlag,
  asHeader,
  asHostname,
  asMailAddress,
  asMegabytes,
  asPath,
  asPem,
  asPlainEnvironment,
  asSuperuser,
  asText,
  balancing,
  cpuNumbers,
  environment,
  environments,
  headerValues,
  hostnames,
  listOf,
  matching,
  orNone,
  paths,
  port,
  portOrNone,
  ports,
  server,
  sizes,
  tlsMode,
  tlsPolicy,
  wholeNumber,
  workerClass,
} from "./allowed-values.ts";

/** How one value of the config is read: what is allowed in words, the default of each environment, and what it is for. */
export interface Setting<T> {
  /** The allowed values, in words, as error messages and the README print them. */
  readonly allowed: string;
  /** Default in dev and in prod; a function computes it from the name of the stack's objects; undefined stands for "none". */
  readonly dev: T | ((name: string) => T);
  readonly prod: T | ((name: string) => T);
  /** One sentence for the README's table. */
  readonly about: string;
  /** Returns the value, or throws an Error whose message is what to do about it ("" when `allowed` says it all). */
  readonly parse: (value: unknown) => T;
}

type Default<T> = T | ((name: string) => T);

function setting<T>(about: string, allowed: string, dev: Default<T>, prod: Default<T>, parse: (value: unknown) => T): Setting<T> {
  return { about, allowed, dev, prod, parse };
}

/** A header's value; `dev` where the prod value differs there. */
function header(about: string, dev: string, prod = dev): Setting<string> {
  return setting(about, headerValues, dev, prod, asHeader);
}

// OWASP's secure headers project, 2026-07: nothing from elsewhere. Django's admin and the sample's page work under it.
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'";
// The abilities of OWASP's list that Chromium knows: it warns of any other on every page.
const permissionsPolicy = [
  "accelerometer", "autoplay", "camera", "clipboard-read", "cross-origin-isolated", "display-capture", "encrypted-media", "fullscreen",
  "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "keyboard-map", "magnetometer", "microphone", "midi", "payment",
  "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "sync-xhr", "usb", "xr-spatial-tracking",
].map((ability) => `${ability}=()`).join(", "); // prettier-ignore

/** Every key of a stack's config, in the README's order; a nested table is an object in Pulumi.<stack>.yaml. */
export const settings = {
  environment: setting("Which defaults apply.", environment.allowed, "prod", "prod", environment.parse),
  name: setting(
    "Prefix of everything made on the Docker host; default: the Pulumi project's name.",
    "1 to 20 lower-case letters, digits and inner hyphens, a letter first",
    (name) => name,
    (name) => name,
    matching(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/),
  ),
  domain: setting("The name that users type.", hostnames, "localhost", (name) => `${name}.localhost`, asHostname),
  aliases: setting("Further names of the same site.", "a list of hostnames", [], [], listOf(asHostname)),
  httpPort: setting("Port for HTTP on the host.", ports, 8080, 80, port),
  httpsPort: setting<number | undefined>("Port for HTTPS on the host.", portOrNone, undefined, 443, orNone(port)),
  bindAddress: setting<readonly string[]>(
    "Addresses of the host that nginx's ports are published on.",
    "an IP address or a list of them",
    ["127.0.0.1"],
    ["0.0.0.0", "::"],
    (value) => (typeof value === "string" ? [asAddress(value)] : listOf(asAddress)(value)),
  ),
  redirects: setting("Further names that lead to the domain by a redirect, such as www.", "a list of hostnames", [], [], listOf(asHostname)),
  trustedProxies: setting<readonly string[]>(
    "Proxies in front of nginx whose word on the client's address, and with tls.mode outer on its scheme, counts.",
    "a list of addresses, or of ranges such as 10.0.0.0/8",
    [],
    [],
    listOf(asAddressRange),
  ),
  tls: {
    mode: setting(
      "Where the certificate comes from: an authority of the stack's own, your files, an ACME directory such as Let's Encrypt, or another proxy that ends TLS.",
      tlsMode.allowed,
      "off",
      "self-signed",
      tlsMode.parse,
    ),
    policy: setting(
      "Mozilla's guideline to follow; modern speaks TLS 1.3 alone.",
      tlsPolicy.allowed,
      "intermediate",
      "intermediate",
      tlsPolicy.parse,
    ),
    certificate: setting<string | undefined>(
      "Your certificate, then those that signed it, PEM; for tls.mode provided.",
      "a path from the checkout, a PEM text, or none",
      undefined,
      undefined,
      orNone(asPem),
    ),
    privateKey: setting<string | undefined>(
      "Its private key, PEM; a text is set with --secret.",
      "a path from the checkout, a PEM text, or none",
      undefined,
      undefined,
      orNone(asPem),
    ),
    acme: {
      production: setting(
        "Whether Let's Encrypt's certificates are real ones; until then its staging directory gives certificates that no browser trusts.",
        "true, false",
        false,
        false,
        asFlag,
      ),
      contact: setting<string | undefined>(
        "Where the directory may write to.",
        "an e-mail address, or none",
        undefined,
        undefined,
        orNone(asMailAddress),
      ),
      directory: setting<string | undefined>(
        "Another ACME directory in place of Let's Encrypt's.",
        "a URL that begins with https://, or none",
        undefined,
        undefined,
        orNone(asDirectory),
      ),
      authority: setting<string | undefined>(
        "The certificate that such a directory's own TLS is signed by, PEM; for one without a public certificate.",
        "a path from the checkout, a PEM text, or none",
        undefined,
        undefined,
        orNone(asPem),
      ),
    },
  },
  headers: {
    contentSecurityPolicy: header("What a page may load and do; Django's debug pages work under none.", "off", contentSecurityPolicy),
    contentTypeOptions: header("Whether browsers may guess a type.", "nosniff"),
    crossDomainPolicies: header("Which old plug-ins may read the site.", "none"),
    frameOptions: header("Who may show the site in a frame.", "DENY"),
    openerPolicy: header("Whether other sites' windows keep a hold of this one's.", "same-origin"),
    permissionsPolicy: header("Which of the browser's abilities pages may use.", permissionsPolicy),
    referrerPolicy: header("What other sites learn of where a visitor comes from.", "same-origin"),
    resourcePolicy: header("Who may load the site's files.", "same-origin"),
    strictTransportSecurity: header("How long browsers insist on TLS; auto: two years, with subdomains but on .localhost names.", "auto"),
    xssProtection: header("Old browsers' filter, which did harm.", "0"),
  },
  app: {
    context: setting("Folder of the Django project, relative to the checkout.", "a folder", "./django", "./django", asText),
    dockerfile: setting("Dockerfile, relative to the context.", "a file", "Dockerfile", "Dockerfile", asText),
    target: setting<string | undefined>(
      "Stage of the Dockerfile to build; none builds the last one.",
      "the name of a stage, or none",
      undefined,
      undefined,
      orNone(matching(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)),
    ),
    server: setting("What serves Django.", server.allowed, "runserver", "gunicorn", server.parse),
    port: setting("Port of the server inside its container.", "a port from 1024 to 65535", 9000, 9000, wholeNumber(1024, 65535)),
    wsgi: setting(
      "WSGI module for gunicorn.",
      "a Python module path, with :name where the callable isn't called application",
      "config.wsgi",
      "config.wsgi",
      matching(/^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$/),
    ),
    asgi: setting(
      "ASGI module for app.workerClass uvicorn.",
      "a Python module path, with :name where the callable isn't called application",
      "config.asgi",
      "config.asgi",
      matching(/^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$/),
    ),
    replicas: setting("Number of app containers.", "a whole number from 1 to 32", 1, 2, wholeNumber(1, 32)),
    workerClass: setting(
      "gunicorn's worker class; gevent needs gunicorn[gevent], uvicorn needs uvicorn-worker among the image's packages.",
      workerClass.allowed,
      "gthread",
      "gthread",
      workerClass.parse,
    ),
    workers: setting<number | "auto">(
      "gunicorn's worker processes a replica; auto is 2 x cpus + 1.",
      "auto, or a whole number from 1 to 64",
      "auto",
      "auto",
      (value) => (value === "auto" ? "auto" : wholeNumber(1, 64)(value)),
    ),
    threads: setting("gunicorn's threads a worker.", "a whole number from 1 to 64", 4, 4, wholeNumber(1, 64)),
    cpus: setting("CPUs that a replica may use.", cpuNumbers, 1, 1, asCpus),
    memory: setting("Memory that a replica may use.", sizes, 512, 512, asMegabytes),
    env: setting<Readonly<Record<string, string>>>("Environment of Django; nothing secret.", environments, {}, {}, asPlainEnvironment),
    healthPath: setting(
      "Path that answers 200 while the process works.",
      "a path that starts with / and has no spaces, quotes or control characters",
      "/healthz",
      "/healthz",
      matching(/^\/[\w\-.~/%]*$/),
    ),
    staticRoot: setting(
      "Where the image holds what collectstatic gathered.",
      "an absolute path",
      "/srv/static",
      "/srv/static",
      matching(/^(\/[\w.-]+)+$/),
    ),
    sourceRoot: setting(
      "Where runserver's container sees the context folder.",
      "an absolute path",
      "/srv/app",
      "/srv/app",
      matching(/^(\/[\w.-]+)+$/),
    ),
    startSeconds: setting("How long a replica may take until it answers.", "a whole number from 5 to 3600", 90, 90, wholeNumber(5, 3600)),
    releaseTimeoutSeconds: setting("How long migrations may take.", "a whole number from 1 to 86400", 300, 300, wholeNumber(1, 86400)),
    drainSeconds: setting(
      "How long a replaced replica goes on serving; longer than keepalive_min_timeout's 5 s.",
      "a whole number from 6 to 600",
      8,
      8,
      wholeNumber(6, 600),
    ),
    requestGraceSeconds: setting("How long a request may run.", "a whole number from 1 to 3600", 30, 30, wholeNumber(1, 3600)),
    devServerPort: setting<number | undefined>("Port of runserver on 127.0.0.1.", portOrNone, 8000, undefined, orNone(port)),
  },
  secretEnv: setting<Readonly<Record<string, string>>>(
    "Secret environment of Django, delivered as files that NAME_FILE names.",
    environments,
    {},
    {},
    asEnvironment,
  ),
  postgres: {
    version: setting("Major version; part of the data volume's name.", "a whole number from 14 to 18", 18, 18, wholeNumber(14, 18)),
    cpus: setting("CPUs that Postgres may use.", cpuNumbers, 1, 2, asCpus),
    memory: setting("Memory that Postgres may use.", sizes, 512, 1024, asMegabytes),
    publishPort: setting<number | undefined>("Port of Postgres on 127.0.0.1.", portOrNone, 5432, undefined, orNone(port)),
  },
  nginx: {
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
  },
  cache: {
    enabled: setting("Whether nginx keeps Django's answers for visitors who aren't logged in.", "true, false", false, false, asFlag),
    minutes: setting("How long, where an answer's Cache-Control doesn't say it.", "a whole number from 1 to 1440", 10, 10, wholeNumber(1, 1440)),
    version: setting("Count up to drop everything at once.", "a whole number from 1 to 1000000", 1, 1, wholeNumber(1, 1_000_000)),
    maxSize: setting("Size on its volume.", "a size such as 64m or 1g", "256m", "256m", matching(/^[1-9]\d{0,5}[mg]$/)),
    sessionCookies: setting<readonly string[]>(
      "Cookies of visitors who are somebody: they are never answered from the cache.",
      "a list of cookie names of letters, digits and underscores",
      ["sessionid"],
      ["sessionid"],
      listOf(matching(/^\w{1,64}$/)),
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
    requestsPerSecond: setting<number | undefined>(
      "Requests to Django that one client may make a second; more get 429.",
      "a whole number from 1 to 100000, or none",
      undefined,
      100,
      orNone(wholeNumber(1, 100_000)),
    ),
    burst: setting("How many a client may be ahead of that rate.", "a whole number from 1 to 100000", 200, 200, wholeNumber(1, 100_000)),
    connections: setting<number | undefined>(
      "Requests to Django that one client may have under way at once.",
      "a whole number from 1 to 100000, or none",
      undefined,
      100,
      orNone(wholeNumber(1, 100_000)),
    ),
    loginAttemptsPerMinute: setting<number | undefined>(
      "Attempts to log in that one client may make a minute, and five at once.",
      "a whole number from 1 to 100000, or none",
      undefined,
      10,
      orNone(wholeNumber(1, 100_000)),
    ),
    loginPaths: setting<readonly string[]>(
      "Paths whose POST is such an attempt.",
      `a list of ${paths}`,
      ["/admin/login/", "/accounts/login/"],
      ["/admin/login/", "/accounts/login/"],
      listOf(asPath),
    ),
  },
  access: {
    allow: setting<readonly string[]>(
      "Who may use the site; nobody else may.",
      "a list of addresses, or of ranges such as 10.0.0.0/8",
      [],
      [],
      listOf(asAddressRange),
    ),
    deny: setting<readonly string[]>("Who may not.", "a list of addresses, or of ranges such as 10.0.0.0/8", [], [], listOf(asAddressRange)),
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
    allow: setting<readonly string[]>(
      "Who may use it all the same.",
      "a list of addresses, or of ranges such as 10.0.0.0/8",
      [],
      [],
      listOf(asAddressRange),
    ),
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
  secrets: {
    databasePasswordVersion: setting(
      "Count up to rotate the database password.",
      "a whole number from 1 to 1000000",
      1,
      1,
      wholeNumber(1, 1_000_000),
    ),
    basicAuthPasswordVersion: setting(
      "Count up to rotate the password of basicAuth.",
      "a whole number from 1 to 1000000",
      1,
      1,
      wholeNumber(1, 1_000_000),
    ),
    secretKeyVersion: setting("Count up to rotate Django's secret key.", "a whole number from 1 to 1000000", 1, 1, wholeNumber(1, 1_000_000)),
  },
  protectData: setting("Whether database and media outlive `npm run destroy`.", "true, false", false, true, asFlag),
  superuser: setting<{ readonly username: string; readonly email: string } | undefined>(
    "Administrator to create once; its password is an output.",
    "none, or { username, email }",
    undefined,
    undefined,
    asSuperuser,
  ),
};
