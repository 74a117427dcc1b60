import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ContainerStack } from "../test/support/container-stack.ts";
import { engineApi } from "../test/support/engine-api.ts";
import { buildHost } from "../test/support/host-image.ts";
import { docker, Site } from "../test/support/site.ts";

// Servers have the first core, clients the second: neither waits for the other's processor.
const [serverCore, clientCore] = ["0", "1"];
const rounds = 5;
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "django-stack-bench-edge-"));
const site = new Site("dsbenchedge", (stack, config) => new ContainerStack(stack, config), {
  config: {
    // The API isn't kept, so that its pages are Django's.
    cache: { enabled: true, exceptPaths: ["/admin/", "/accounts/", "/api/"] },
  },
});
const nginx = `${site.prefix}-nginx`;
const edge = `${site.prefix}-edge`;
const peers = ["ecdsa", "rsa", "soft"].map((name) => `dsbenchedge-peer-${name}`);
const [ecdsa, rsa, soft] = peers;
let clients = "";

interface Row {
  readonly measure: string;
  readonly ours: string;
  readonly peer: string;
  readonly ratio: string;
  readonly target: string;
}

const rows: Row[] = [];
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values: readonly number[]) => `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
const shown = (values: readonly number[], unit: string) => `${median(values).toFixed(0)} ${unit} (${spread(values)})`;
/** The median of each round's own ratio: a machine that changes its speed from one round to the next changes both sides of it. */
const ratio = (ours: readonly number[], theirs: readonly number[]) => median(ours.map((value, round) => value / theirs[round])).toFixed(2);

/** Runs a measurement on each side in turn, so that what else the machine does meets both; returns each side's values. */
async function inTurn<Name extends string>(
  sides: Record<Name, () => number | Promise<number>>,
  { count = rounds, beginRound = () => {} } = {},
): Promise<Record<Name, number[]>> {
  const values = Object.fromEntries(Object.keys(sides).map((name) => [name, [] as number[]])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < count; round++) {
    beginRound();
    for (const name of Object.keys(sides) as Name[]) values[name].push(await sides[name]());
  }
  return values;
}

/** Runs a client to which the site's name is a container's. */
function client(container: string, network: string, ...command: string[]): string {
  const place = ["--rm", "--network", network, "--add-host", `movies.localhost:${at(container, network)}`, "--cpuset-cpus", clientCore];
  return execFileSync("docker", ["run", ...place, clients, ...command], { encoding: "utf8", maxBuffer: 1e8, stdio: ["ignore", "pipe", "pipe"] });
}

const pin = (container: string, core = serverCore) => docker("update", "--cpuset-cpus", core, container);

/** Which core has what serves beside gunicorn while Django is measured: gunicorn's, or the other one. */
const layouts = { "all on one core": serverCore, "gunicorn on a core of its own": clientCore };

/** Runs a measurement in each layout. */
async function inEachLayout(measure: (layout: string) => Promise<void>): Promise<void> {
  const beside = [nginx, ecdsa, ...site.containersOf("postgres")];
  for (const [layout, core] of Object.entries(layouts)) {
    for (const container of beside) pin(container, core);
    await measure(layout);
  }
  for (const container of beside) pin(container);
}

async function cpuNanoseconds(container: string): Promise<number> {
  return (await engineApi("GET", `/containers/${container}/stats?stream=false&one-shot=true`)).cpu_stats.cpu_usage.total_usage;
}

/** Requests a second over kept connections. */
function requestsPerSecond(container: string, url: string, network = edge, ...headers: string[]): number {
  const options = headers.flatMap((header) => ["-H", header]);
  const said = client(container, network, "wrk", "-t", "1", "-c", "16", "-d", "4", ...options, url);
  if (/Non-2xx/.test(said)) throw new Error(`${url}: ${said}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(said)?.[1]);
}

/** Processor time that a server takes for one full TLS 1.3 handshake and a small answer, in microseconds. */
async function handshakeMicroseconds(container: string): Promise<number> {
  const url = "https://movies.localhost:8443/static/movies/icon.svg";
  const count = 600;
  const before = await cpuNanoseconds(container);
  const said = client(container, edge, "h2load", "--h1", "-n", String(count), "-c", String(count), "-r", "150", "--groups", "X25519", url);
  if (!said.includes(`${count} succeeded`) || !said.includes("TLSv1.3")) throw new Error(said);
  return (((await cpuNanoseconds(container)) - before) / count) * 1e-3;
}

/** nginx as the guides have it, in front of the replica at an address. */
const plainConfig = (replica: string) => `
worker_processes 1;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout combined;
    client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
    sendfile on;
    keepalive_timeout 65;
    server {
        listen 8443 ssl;
        http2 on;
        ssl_certificate /bench/certificate.pem;
        ssl_certificate_key /bench/key.pem;
        location /static/ { alias /vol/web/static/; }
        location / {
            proxy_pass http://${replica}:9000;
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
    }
}
`;

/** An nginx of the same image with a plain configuration and none of the stack's restrictions. */
function startPeer(name: string, algorithm: string[], replica: string): void {
  const own = join(folder, name);
  mkdirSync(own);
  const request = ["req", "-x509", "-newkey", ...algorithm, "-nodes", "-subj", "/CN=movies.localhost", "-days", "2"];
  execFileSync("openssl", [...request, "-keyout", join(own, "key.pem"), "-out", join(own, "certificate.pem")], { stdio: "ignore" });
  writeFileSync(join(own, "nginx.conf"), plainConfig(at(replica, `${site.prefix}-app`)));
  const volumes = ["--volume", `${own}:/bench:ro`, "--volume", `${site.prefix}-static-data:/vol/web/static:ro`];
  docker("run", "--detach", "--name", name, "--network", edge, "--cpuset-cpus", serverCore, ...volumes, "nginx:1.30", "nginx", "-c", "/bench/nginx.conf", "-g", "daemon off;"); // prettier-ignore
  docker("network", "connect", `${site.prefix}-app`, name);
}

const at = (container: string, network: string) =>
  docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container).trim();

const views = `
from django.http import HttpResponse as _Response
urlpatterns += [path("ten", lambda request: _Response("x" * 10240))]
`;

beforeAll(async () => {
  clients = buildHost("attacker");
  const { app } = site.stack.config as { app: Record<string, unknown> };
  site.stack.config = { ...site.stack.config, app: { ...app, replicas: 1 } };
  await site.start((project) => {
    appendFileSync(join(project, "config/urls.py"), views);
    // Bytes that gzip can't pack, so that both sides send the same.
    writeFileSync(
      join(project, "movies/static/movies/ten.png"),
      Buffer.from(Array.from({ length: 10_240 }, (_, index) => (index * 7919 + (index >> 3)) % 251)),
    );
  });
  const [replica] = site.containersOf("django");
  startPeer(ecdsa, ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], replica);
  startPeer(rsa, ["rsa:2048"], replica);
  // Our own configuration, without the restrictions of our container.
  const volumes = ["nginx-files:/etc/nginx/stack:ro", "static-data:/vol/web/static:ro", "cache:/var/cache/stack"].flatMap((volume) => ["--volume", `${site.prefix}-${volume}`]); // prettier-ignore
  docker("run", "--detach", "--name", soft, "--user", "101:101", "--network", edge, "--cpuset-cpus", serverCore, ...volumes, "--entrypoint", "nginx", "nginx:1.30", "-c", "/etc/nginx/stack/current/nginx.conf", "-g", "daemon off;"); // prettier-ignore
  docker("network", "connect", `${site.prefix}-app`, soft);
  for (const container of [nginx, ...["django", "postgres"].flatMap((component) => site.containersOf(component))]) pin(container);
});

afterAll(async () => {
  for (const container of peers) execFileSync("docker", ["rm", "--force", container], { stdio: "ignore" });
  await site.stop();
  rmSync(folder, { recursive: true });
  const machine = `${cpus().length} x ${cpus()[0].model}, Docker ${docker("version", "--format", "{{.Server.Version}}").trim()}, ${new Date().toISOString().slice(0, 10)}`;
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(join(root, "bench/results/edge.json"), `${JSON.stringify({ machine, rounds, rows }, null, 2)}\n`);
  console.log(`\n${machine}; server on one core, clients on the other; medians of ${rounds} and more rounds in turn, of which each has its ratio\n`);
  console.table(rows);
});

const picture = "https://movies.localhost:8443/static/movies/ten.png";
const page = "https://movies.localhost:8443/ten";

test("full handshakes", async () => {
  const values = await inTurn(
    {
      ours: () => handshakeMicroseconds(nginx),
      ecdsa: () => handshakeMicroseconds(ecdsa),
      rsa: () => handshakeMicroseconds(rsa),
    },
    { count: 9 },
  );
  const perSecond = (microseconds: readonly number[]) => microseconds.map((value) => 1e6 / value);
  const [ours, theirs] = [perSecond(values.ours), perSecond(values.rsa)];
  rows.push(
    { measure: "full TLS 1.3 handshakes a second of one core / RSA 2048", ours: shown(ours, "/s"), peer: shown(theirs, "/s"), ratio: ratio(ours, theirs), target: ">= 1.4" }, // prettier-ignore
    { measure: "CPU a handshake / bare nginx with P-256", ours: shown(values.ours, "us"), peer: shown(values.ecdsa, "us"), ratio: ratio(values.ours, values.ecdsa), target: "<= 1.15" }, // prettier-ignore
  );
  expect(rows.length).toBe(2);
});

test("a static file of 10 KB, and a page of 10 KB from the cache", async () => {
  requestsPerSecond(nginx, page);
  const values = await inTurn({
    ours: () => requestsPerSecond(nginx, picture),
    bare: () => requestsPerSecond(ecdsa, picture),
    soft: () => requestsPerSecond(soft, picture),
    cached: () => requestsPerSecond(nginx, page),
  });
  rows.push(
    { measure: "static 10 KB over TLS / bare nginx", ours: shown(values.ours, "/s"), peer: shown(values.bare, "/s"), ratio: ratio(values.ours, values.bare), target: ">= 0.90" }, // prettier-ignore
    { measure: "the same, our container / without its restrictions", ours: shown(values.ours, "/s"), peer: shown(values.soft, "/s"), ratio: ratio(values.ours, values.soft), target: ">= 0.98" }, // prettier-ignore
    { measure: "page of 10 KB from the cache / static 10 KB", ours: shown(values.cached, "/s"), peer: shown(values.ours, "/s"), ratio: ratio(values.cached, values.ours), target: ">= 0.80" }, // prettier-ignore
  );
  expect(values.cached.length).toBe(rounds);
});

const listing = "/api/movies/";
const asNginxSends = ["Host: movies.localhost:18443", "X-Forwarded-Proto: https"];
const direct = (container: string) => requestsPerSecond(container, `http://movies.localhost:9000${listing}`, `${site.prefix}-app`, ...asNginxSends);

/** How long the slowest of a hundred requests takes at a steady rate, in milliseconds. */
function p99(container: string, network: string, perSecond: number, url: string): number {
  const headers = url.startsWith("http:") ? asNginxSends.flatMap((header) => ["-H", header]) : [];
  const steady = ["--h1", "-c", "1", "-D", "8", `--rps=${perSecond / 8}`, ...headers, url];
  // One process each, started one after another: the connections of a single one ask all at once, and wait for each other.
  const each = 'for name in 1 2 3 4 5 6 7 8; do h2load "$@" --log-file=/tmp/times.$name > /dev/null & sleep 0.017; done; wait; cat /tmp/times.*';
  const times = client(container, network, "sh", "-c", each, "sh", ...steady)
    .split("\n")
    .map((line) => /^\d+\t(\d+)\t(\d+)$/.exec(line))
    .filter((match) => match !== null);
  const failed = times.filter(([, status]) => status !== "200");
  if (times.length === 0 || failed.length > 0) throw new Error(`${url}: ${times.length} requests, ${failed.length} failed`);
  // A connection that waits longer than its turn doesn't make up for it: the requests that were due meanwhile would have waited for the rest.
  const turn = 8000 / perSecond;
  const waits = times.flatMap(([, , microseconds]) => {
    const wait = Number(microseconds) / 1000;
    return Array.from({ length: Math.ceil(wait / turn) }, (_, missed) => wait - missed * turn);
  });
  return waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.99)];
}

test("a page of Django's with a query, through nginx and without", async () => {
  const [replica] = site.containersOf("django");
  const through = `https://movies.localhost:8443${listing}`;
  await inEachLayout(async (layout) => {
    const asked = () => requestsPerSecond(nginx, through);
    const values = await inTurn({ ours: asked, direct: () => direct(replica) }, { count: 9 });
    // Apart: after a server that opens a connection for each request, gunicorn does some 6 % less for a while.
    const beside = await inTurn({ ours: asked, guides: () => requestsPerSecond(ecdsa, through) });
    // Half of what gunicorn does just then: where the machine has become slower, half of what it did before may be all of it.
    const halves: number[] = [];
    const waits = await inTurn(
      {
        ours: () => p99(nginx, edge, halves.at(-1)!, through),
        direct: () => p99(replica, `${site.prefix}-app`, halves.at(-1)!, `http://movies.localhost:9000${listing}`),
      },
      { count: 5, beginRound: () => void halves.push(direct(replica) / 2) },
    );
    rows.push(
      { measure: `${layout}: Django's page through nginx / gunicorn asked directly`, ours: shown(values.ours, "/s"), peer: shown(values.direct, "/s"), ratio: ratio(values.ours, values.direct), target: ">= 0.90" }, // prettier-ignore
      { measure: `${layout}: Django's page through nginx / through a plain nginx as the guides have it`, ours: shown(beside.ours, "/s"), peer: shown(beside.guides, "/s"), ratio: ratio(beside.ours, beside.guides), target: "" }, // prettier-ignore
      { measure: `${layout}: p99 at ${median(halves).toFixed(0)} a second, through nginx - directly`, ours: shown(waits.ours, "ms"), peer: shown(waits.direct, "ms"), ratio: `${median(waits.ours.map((wait, round) => wait - waits.direct[round])).toFixed(1)} ms`, target: "<= +3 ms" }, // prettier-ignore
    );
    expect(waits.ours.length).toBe(5);
  });
});

test("our settings of gunicorn beside others", async () => {
  const [replica] = site.containersOf("django");
  const { Config, Image, HostConfig } = await engineApi("GET", `/containers/${replica}/json`);
  const ours = Config.Cmd as string[];
  const bind = ["serve", "gunicorn", "--bind=0.0.0.0:9000"];
  const forwarded = ours.filter((word) => word.startsWith("--forwarded-allow-ips="));
  // cookiecutter-django's start line says no more than the first, but for the folder.
  const others: Record<string, string[]> = {
    "gunicorn's defaults": [...bind, ...forwarded, "config.wsgi"],
    "sync with 4 workers": [...bind, "--workers=4", ...forwarded, "config.wsgi"],
  };
  const volumes = (HostConfig.Mounts as { Source: string; Target: string }[]).flatMap(({ Source, Target }) => ["--volume", `${Source}:${Target}`]);
  const environment = (Config.Env as string[]).flatMap((line) => ["--env", line]);
  const containers = Object.entries(others).map(([name, command], index) => {
    const container = `dsbenchedge-gunicorn-${index}`;
    const place = ["--name", container, "--network", `${site.prefix}-app`, "--cpuset-cpus", serverCore, "--user", Config.User as string];
    docker("run", "--detach", "--init", ...place, ...volumes, ...environment, "--entrypoint", Config.Entrypoint[0], Image, Config.Entrypoint[1], ...command); // prettier-ignore
    docker("network", "connect", `${site.prefix}-db`, container);
    return { name, container };
  });
  try {
    await inEachLayout(async (layout) => {
      const values = await inTurn({
        ours: () => direct(replica),
        ...Object.fromEntries(containers.map(({ name, container }) => [name, () => direct(container)])),
      } as Record<string, () => number>);
      for (const { name } of containers) {
        rows.push({ measure: `${layout}: our gunicorn settings / ${name}`, ours: shown(values.ours, "/s"), peer: shown(values[name], "/s"), ratio: ratio(values.ours, values[name]), target: ">= 1.0" }); // prettier-ignore
      }
    });
  } finally {
    for (const { container } of containers) docker("rm", "--force", container);
  }
  expect(containers).toHaveLength(2);
});
