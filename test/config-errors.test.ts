import { afterEach, describe, expect, test, vi } from "vitest";
import { errorOf } from "./support/load-config.ts";

afterEach(() => vi.unstubAllEnvs());

const backgroundAllowed =
  "names of 1 to 20 lower-case letters, digits and inner hyphens, each with { command, replicas, alone, cpus, memory, connections, stopSeconds }";

describe("a config is refused", () => {
  const cases: [string, Record<string, unknown>, string][] = [
    [
      "an unknown key",
      { domian: "x.example" },
      "domian: unknown key; allowed: one of environment, name, checkout, domain, aliases, httpPort, httpsPort, bindAddress, ipv6ClientAddresses, redirects, trustedProxies, tls, headers, app, background, secretEnv, postgres, backup, nginx, cache, limits, access, basicAuth, maintenance, robots, privateMedia, secrets, protectData, superuser; fix: remove it or correct its name",
    ],
    [
      "an unknown key inside",
      { tls: { modus: "off" } },
      "tls.modus: unknown key; allowed: one of mode, policy, certificate, privateKey, acme; fix: remove it or correct its name",
    ],
    ["an unknown environment", { environment: "staging" }, 'environment: got "staging"; allowed: dev, prod'],
    [
      "a domain with a scheme",
      { domain: "https://movies.example" },
      'domain: got "https://movies.example"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots; fix: leave out the scheme and the path',
    ],
    [
      "a domain with a port",
      { domain: "movies.example:8443" },
      'domain: got "movies.example:8443"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots; fix: leave out the port: httpPort and httpsPort set it',
    ],
    [
      "a domain with an underscore",
      { domain: "my_site.example" },
      'domain: got "my_site.example"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots',
    ],
    [
      "a domain that is an address",
      { domain: "10.0.0.1" },
      'domain: got "10.0.0.1"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots; fix: give a name, not an address',
    ],
    [
      "a domain in another script",
      { domain: "bücher.example" },
      'domain: got "bücher.example"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots; fix: write it in its ASCII form: xn--bcher-kva.example',
    ],
    [
      "a domain that would leave its directive",
      { domain: "x.example; return 200" },
      'domain: got "x.example; return 200"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots',
    ],
    ["a name in capitals", { name: "Movies" }, 'name: got "Movies"; allowed: 1 to 20 lower-case letters, digits and inner hyphens, a letter first'],
    [
      "aliases that aren't a list",
      { aliases: "www.x.example" },
      'aliases: got "www.x.example"; allowed: a list of hostnames, the first label * where all are meant',
    ],
    [
      "all names below none",
      { aliases: ["*.example"] },
      'aliases: got ["*.example"]; allowed: a list of hostnames, the first label * where all are meant; fix: give a domain of two labels at least, as in *.shop.example',
    ],
    [
      "a star that isn't the first label",
      { aliases: ["www.*.movies.example"] },
      'aliases: got ["www.*.movies.example"]; allowed: a list of hostnames, the first label * where all are meant',
    ],
    [
      "all names as the domain",
      { domain: "*.movies.example" },
      'domain: got "*.movies.example"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots',
    ],
    ["a port too high", { httpPort: "70000" }, 'httpPort: got "70000"; allowed: a port from 1 to 65535'],
    ["an address that is none", { bindAddress: "localhost" }, 'bindAddress: got "localhost"; allowed: an IP address or a list of them'],
    ["a TLS mode that isn't there", { tls: { mode: "auto" } }, 'tls.mode: got "auto"; allowed: off, self-signed, provided, acme, outer'],
    ["an object given as text", { tls: "off" }, 'tls: got "off"; allowed: an object with mode, policy, certificate, privateKey, acme'],
    ["a fraction of a replica", { app: { replicas: 1.5 } }, "app.replicas: got 1.5; allowed: a whole number from 1 to 32"],
    ["a drain shorter than nginx's keep-alive", { app: { drainSeconds: 2 } }, "app.drainSeconds: got 2; allowed: a whole number from 6 to 600"],
    [
      "a worker class that isn't there",
      { app: { workerClass: "eventlet" } },
      'app.workerClass: got "eventlet"; allowed: sync, gthread, gevent, uvicorn',
    ],
    ["a size without a unit", { app: { memory: "512" } }, 'app.memory: got "512"; allowed: a size such as 512m or 2g, 64m or more'],
    [
      "an environment name of the stack's own",
      { app: { env: { SECRET_KEY: "x" } } },
      'app.env: got {"SECRET_KEY":"x"}; allowed: names of letters, digits and underscores, each with a text, a number, true or false; fix: remove SECRET_KEY: the stack sets it',
    ],
    [
      "a build argument of the stack's own",
      { app: { buildArgs: { DJANGO_STACK_NAME: "x" } } },
      'app.buildArgs: got {"DJANGO_STACK_NAME":"x"}; allowed: names of letters, digits and underscores, each with a text, a number, true or false; fix: remove DJANGO_STACK_NAME: the stack sets it',
    ],
    [
      "an environment value of two lines",
      { app: { env: { A: "1\n2" } } },
      'app.env: got {"A":"1\\n2"}; allowed: names of letters, digits and underscores, each with a text, a number, true or false; fix: give A a value of one line, or put it into secretEnv',
    ],
    [
      "a health path that would leave its string",
      { app: { healthPath: '/"; import os' } },
      'app.healthPath: got "/\\"; import os"; allowed: a path that starts with / and has no spaces, quotes or control characters',
    ],
    [
      "a wsgi module that is an option",
      { app: { wsgi: "--reload" } },
      'app.wsgi: got "--reload"; allowed: a Python module path, with :name where the callable isn\'t called application',
    ],
    ["a Postgres that doesn't exist", { postgres: { version: 19 } }, "postgres.version: got 19; allowed: a whole number from 14 to 18"],
    [
      "an image without a tag",
      { postgres: { image: "postgis/postgis" } },
      'postgres.image: got "postgis/postgis"; allowed: an image\'s name with its tag or digest, such as registry.example.com/postgres:18.1, or none',
    ],
    [
      "an image that is an option",
      { nginx: { image: "--privileged" } },
      'nginx.image: got "--privileged"; allowed: an image\'s name with its tag or digest, such as registry.example.com/postgres:18.1',
    ],
    [
      "an extension that would leave its quotes",
      { postgres: { extensions: ['postgis"; DROP DATABASE django'] } },
      'postgres.extensions: got ["postgis\\"; DROP DATABASE django"]; allowed: a list of extensions\' names',
    ],
    [
      "a setting of Postgres that has a key of its own",
      { postgres: { settings: { max_connections: 500 } } },
      'postgres.settings: got {"max_connections":500}; allowed: names of Postgres\' settings, each with a text, a number, true or false; fix: remove max_connections: set postgres.maxConnections',
    ],
    [
      "a setting of Postgres that could cost the data",
      { postgres: { settings: { fsync: false } } },
      'postgres.settings: got {"fsync":false}; allowed: names of Postgres\' settings, each with a text, a number, true or false; fix: remove fsync: without it a power cut costs the database',
    ],
    [
      "a background process without a command",
      { background: { tasks: { replicas: 2 } } },
      `background: got {"tasks":{"replicas":2}}; allowed: ${backgroundAllowed}; fix: set tasks.command to a list of texts, the program first`,
    ],
    [
      "a background process whose command is a line",
      { background: { tasks: { command: "celery worker" } } },
      `background: got {"tasks":{"command":"celery worker"}}; allowed: ${backgroundAllowed}; fix: set tasks.command to a list of texts, the program first`,
    ],
    [
      "a background process that is a command alone",
      { background: { tasks: ["celery"] } },
      `background: got {"tasks":["celery"]}; allowed: ${backgroundAllowed}; fix: give tasks an object with a command`,
    ],
    [
      "two of a background process that must be alone",
      { background: { clock: { command: ["beat"], alone: true, replicas: 2 } } },
      `background: got {"clock":{"command":["beat"],"alone":true,"replicas":2}}; allowed: ${backgroundAllowed}; fix: set clock.replicas to 1, or clock.alone to false`,
    ],
    [
      "a background process with a key that there isn't",
      { background: { tasks: { command: ["work"], environment: {} } } },
      `background: got {"tasks":{"command":["work"],"environment":{}}}; allowed: ${backgroundAllowed}; fix: remove environment from tasks`,
    ],
    [
      "a background process with a name that no container could have",
      { background: { "Task queue": { command: ["work"] } } },
      `background: got {"Task queue":{"command":["work"]}}; allowed: ${backgroundAllowed}; fix: rename "Task queue"`,
    ],
    [
      "a superuser without an address",
      { superuser: { username: "admin" } },
      'superuser: got {"username":"admin"}; allowed: none, or { username, email }',
    ],
    ["a flag that is neither", { protectData: "yes" }, 'protectData: got "yes"; allowed: true, false'],
    [
      "a Dockerfile that isn't there",
      { app: { dockerfile: "Dockerfile.prod" } },
      'app.dockerfile: got "Dockerfile.prod"; allowed: a file in ./django; it isn\'t there; fix: add the Dockerfile or correct its name',
    ],
    [
      "TLS off in the open",
      { tls: { mode: "off" }, httpsPort: "none" },
      'tls.mode: got "off"; allowed: self-signed, provided, acme or outer, or off with bindAddress 127.0.0.1, where environment is prod; fix: passwords would cross the network in clear',
    ],
    [
      "TLS off with a port for it",
      { tls: { mode: "off" }, bindAddress: "127.0.0.1" },
      'tls.mode: got "off"; allowed: off only with httpsPort none; fix: set httpsPort to none',
    ],
    ["TLS on without a port", { httpsPort: "none" }, 'httpsPort: got "none"; allowed: a port with tls.mode self-signed'],
    [
      "runserver in prod",
      { app: { server: "runserver" } },
      'app.server: got "runserver"; allowed: gunicorn where environment is prod; fix: runserver is for development only',
    ],
    [
      "a published database in prod",
      { postgres: { publishPort: 5432 } },
      "postgres.publishPort: got 5432; allowed: none where environment is prod; fix: reach the database with the commands output's `manage`",
    ],
    ["one port for two", { httpPort: "443" }, "httpsPort: got 443; allowed: a port that httpPort doesn't use"],
    ["runserver's port without runserver", { app: { devServerPort: 8000 } }, "app.devServerPort: got 8000; allowed: none with app.server gunicorn"],
  ];
  test.each(cases)("%s", async (_, config, expected) => {
    expect(await errorOf("prod", config)).toBe(`config of stack prod (Pulumi.prod.yaml) has 1 problem; nothing was touched:\n  ${expected}`);
  });

  test("a context that isn't there", async () => {
    expect(await errorOf("prod", { app: { context: "./shop" } })).toMatch(
      /\n {2}app\.context: got "\.\/shop"; allowed: a folder; .*\/shop isn't one; fix: name the folder of your Django project$/,
    );
  });

  test("a checkout's id that is none", async () => {
    expect(await errorOf("prod", { checkout: "mine" })).toContain('\n  checkout: got "mine"; allowed: 12 hexadecimal digits, or none');
  });

  test("two replicas behind one development port", async () => {
    expect(await errorOf("dev", { environment: "dev", app: { replicas: 2 } })).toContain(
      "app.replicas: got 2; allowed: 1 where app.devServerPort is set; fix: set app.devServerPort to none",
    );
  });

  test("development with a remote engine", async () => {
    expect(await errorOf("dev", { environment: "dev", "docker:host": "ssh://root@server" })).toContain(
      'app.server: got "runserver"; allowed: gunicorn with a remote Docker engine (ssh://root@server)',
    );
  });

  test("a secret where everybody on the host could read it", async () => {
    const message = await errorOf("prod", { app: { env: { MAIL_PASSWORD: "geheim" } } }, ["django-stack:app"]);
    expect(message).toContain(
      "app: should not hold a secret, it would be readable on the Docker host; fix: pulumi config rm django-stack:app, then pulumi config set --secret --path 'django-stack:secretEnv.NAME'",
    );
    expect(message).not.toContain("geheim");
  });

  test("a bad secret without showing it", async () => {
    expect(await errorOf("prod", { secrets: { secretKeyFallbacks: ["a, b"] } }, ["django-stack:secrets"])).toContain(
      'secrets.secretKeyFallbacks: got "[secret]"; allowed: a list of texts without spaces and commas',
    );
    const message = await errorOf("prod", { secretEnv: { "MAIL-PASSWORD": "geheim" } }, ["django-stack:secretEnv"]);
    expect(message).toContain('secretEnv: got "[secret]"; allowed:');
    expect(message).not.toContain("geheim");
  });

  test("keys that are meant for this program and begin otherwise; another program's are its own", async () => {
    expect(await errorOf("prod", { "djangostack:domain": "x.example", "azure:environment": "public" })).toBe(
      "config of stack prod (Pulumi.prod.yaml) has 1 problem; nothing was touched:\n  djangostack:domain: unknown key; allowed: keys that begin with the name in Pulumi.yaml, django-stack:; fix: write django-stack:domain",
    );
  });

  test("a stack name that no container could have", async () => {
    expect(await errorOf("Prod_EU", {})).toContain(
      'stack name: got "Prod_EU"; allowed: 1 to 20 lower-case letters, digits and inner hyphens; fix: pulumi stack rename <new name>',
    );
  });

  test("with every problem at once", async () => {
    expect(await errorOf("prod", { domain: "a b", httpPort: "0", app: { threads: 0, worker: 3 } }))
      .toBe(`config of stack prod (Pulumi.prod.yaml) has 4 problems; nothing was touched:
  domain: got "a b"; allowed: a hostname: labels of letters, digits and inner hyphens, separated by dots
  httpPort: got "0"; allowed: a port from 1 to 65535
  app.worker: unknown key; allowed: one of context, dockerfile, target, buildArgs, server, port, wsgi, asgi, replicas, workerClass, workers, threads, preload, cpus, memory, env, healthPath, adminPath, apiPath, staticRoot, sourceRoot, startSeconds, releaseTimeoutSeconds, drainSeconds, requestGraceSeconds, devServerPort; fix: remove it or correct its name
  app.threads: got 0; allowed: a whole number from 1 to 64`);
  });
});
