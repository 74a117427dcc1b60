import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ContainerStack } from "../support/container-stack.ts";
import { buildHost } from "../support/host-image.ts";
import { malformedRequests, send, type Reply } from "../support/malformed.ts";
import { docker, logsOf, Site } from "../support/site.ts";

const site = new Site("dsabuse", (stack, config) => new ContainerStack(stack, config));
const nginx = `${site.prefix}-nginx`;

let attacker = "";
beforeAll(async () => {
  attacker = buildHost("attacker");
  await site.start();
});
afterAll(() => site.stop());

/** Restarts of any container of the site, and what nginx calls worse than an error. */
function damage(): string[] {
  const containers = ["nginx", "django", "postgres"].flatMap((component) => site.containersOf(component));
  const restarts = docker("inspect", "--format", "{{.Name}} {{.RestartCount}} {{.State.Status}}", ...containers)
    .trim()
    .split("\n")
    .filter((line) => !line.endsWith(" 0 running"));
  return [...restarts, ...logsOf(nginx).split("\n").filter((line) => /\[(emerg|alert|crit)\]/.test(line))]; // prettier-ignore
}

test("10,000 malformed requests break nothing, and none that isn't whole reaches Django", async () => {
  const before = site.containersOf("django").map((replica) => logsOf(replica)).join("").length; // prettier-ignore
  // What waits for the rest of a request waits less long.
  const { config } = site.stack;
  site.stack.config = { ...config, nginx: { clientTimeoutSeconds: 5 } };
  await site.up();
  const waiting = malformedRequests(10_000, 20261121);
  const replies: Reply[] = [];
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) replies.push(await send(next, 18443));
    }),
  );
  expect(replies).toHaveLength(10_000);
  const kindsOf = (found: readonly Reply[]) => [...new Set(found.map(({ malformed, statuses }) => `${malformed.kind} ${statuses.join(" ")}`))];
  // nginx's own 501 and 505 say that it knows no such encoding or version.
  expect(kindsOf(replies.filter(({ statuses }) => statuses.some((status) => status >= 500 && status !== 501 && status !== 505)))).toEqual([]);
  // One that nginx doesn't take is refused, or the connection is closed without a word; it's never answered as if it were good.
  const taken = replies.filter(({ malformed, statuses }) => malformed.protocol === "http/1.1" && !malformed.whole && statuses[0] < 400);
  expect(kindsOf(taken)).toEqual([]);
  // The request behind it is answered as its own, or not at all because the connection is closed.
  const astray = replies.filter(
    ({ malformed, statuses, text, closed }) =>
      malformed.protocol === "http/1.1" &&
      !(statuses.length <= 1 && closed) &&
      !(statuses.length === 2 && statuses[1] === 200 && text.endsWith("ok\n")),
  );
  expect(kindsOf(astray)).toEqual([]);
  const reached = docker("logs", nginx)
    .split("\n")
    .filter((line) => line.includes('"uri":"/mal/') && !line.includes('"upstream_addr":""'))
    .map((line) => /\/mal\/([a-z0-9-]+)/.exec(line)?.[1] ?? "");
  const whole = new Set(replies.filter(({ malformed }) => malformed.whole).map(({ malformed }) => malformed.kind));
  expect([...new Set(reached)].filter((kind) => !whole.has(kind))).toEqual([]);
  expect([...whole].some((kind) => reached.includes(kind))).toBe(true);
  const said = site.containersOf("django").map((replica) => logsOf(replica)).join("").slice(before); // prettier-ignore
  expect(said).not.toMatch(/Traceback|\[ERROR\]/);
  // Bytes above ASCII in a path are HTTP to nginx, and refused by gunicorn.
  expect(said.split("\n").filter((line) => line.includes("Invalid request") && !line.includes("/mal/path-raw-bytes/"))).toEqual([]);
  expect(replies.some(({ text }) => /root:.*:0:0:|SECRET_KEY/.test(text))).toBe(false);
  expect(damage()).toEqual([]);
  expect((await site.anonymous().request("/healthz")).text).toBe("ok\n");
  // From here on with the limits that a site has by itself.
  site.stack.config = Object.fromEntries(Object.entries(config).filter(([key]) => key !== "limits"));
  await site.up();
});

/** How long each of some requests of a well-behaved client takes, one after the other, in milliseconds. */
async function waits(seconds: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const begun = performance.now();
    const { status } = await site.anonymous().request("/api/movies/");
    expect(status).toBe(200);
    times.push(performance.now() - begun);
    await sleep(20);
  }
  return times;
}

const p99 = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)];

test.each([
  ["slow headers", ["-H", "-i", "5"]],
  ["slow bodies", ["-B", "-i", "5", "-s", "8192"]],
  ["slow reading", ["-X", "-w", "1", "-y", "2", "-n", "5", "-z", "32", "-k", "3"]],
])("1,000 connections with %s: a normal client is served as ever", async (_, options) => {
  const edge = `${site.prefix}-edge`;
  const address = docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${edge}").IPAddress}}`, nginx).trim();
  const calm = await waits(8);
  const target = ["-c", "1000", "-r", "200", "-l", "30", "-p", "3", "-u", "https://movies.localhost:8443/admin/login/"];
  // Attackers have processors of their own, so this one takes what the site leaves.
  const place = ["--rm", "--network", edge, "--cpu-shares", "128", "--add-host", `movies.localhost:${address}`];
  const attack = spawn("docker", ["run", ...place, attacker, "slowhttptest", ...options, ...target]);
  let said = "";
  attack.stdout.on("data", (chunk) => (said += chunk));
  attack.stderr.on("data", (chunk) => (said += chunk));
  const ended = new Promise((resolve) => attack.on("close", resolve));
  // On a slow machine it takes longer to open them, with what the site leaves.
  let most = 0;
  for (const end = Date.now() + 12_000; most < 900 && Date.now() < end; await sleep(500)) {
    const status = docker("exec", nginx, "curl", "--silent", "http://127.0.0.1:8081/status");
    most = Math.max(most, Number(/^Active connections: (\d+)/.exec(status)?.[1]));
  }
  const memory = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", nginx).trim();
  const during = await waits(15);
  await ended;
  console.log(`${options[0]}: p99 ${p99(calm).toFixed(0)} ms before, ${p99(during).toFixed(0)} ms during; ${most} connections open at nginx, ${memory}; ${/Exit status:.*/.exec(said)?.[0] ?? said.slice(-300)}`); // prettier-ignore
  expect(most).toBeGreaterThan(500);
  expect(damage()).toEqual([]);
});
