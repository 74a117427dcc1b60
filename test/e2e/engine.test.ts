import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client } from "../support/client.ts";
import { engineApi } from "../support/engine-api.ts";
import { PulumiStack } from "../support/pulumi-stack.ts";
import { runInShell } from "../support/visitors.ts";

const app = { context: "./app", drainSeconds: 6, startSeconds: 30 };
const config = { environment: "prod", name: "dsengine", httpPort: 18083, httpsPort: 18446, bindAddress: "127.0.0.1", protectData: false, app };
const stack = new PulumiStack("prod", config);
const project = join(stack.checkout, "app");
let outputs: Record<string, any>;

beforeAll(async () => {
  stack.prepare();
  cpSync(join(stack.checkout, "django"), project, { recursive: true });
  await stack.sweep();
  ({ outputs } = await stack.up());
});

afterAll(async () => {
  await stack.sweep();
  stack.dispose();
});

const answers = async () => (await new Client({ url: outputs.url, authority: outputs.caCertificate }).request("/")).status;

describe("the preview", () => {
  const changes: [string, () => void][] = [
    ["code", () => appendFileSync(join(project, "movies/static/movies/site.css"), "h1 { color: green; }\n")],
    ["a setting of nginx", () => (stack.config = { ...config, nginx: { keepaliveSeconds: 30 } })],
    ["replicas", () => (stack.config = { ...config, app: { ...app, replicas: 1 } })],
  ];
  test.each(changes)("of a change of %s is what up then does", async (_, change) => {
    change();
    const promised = await stack.preview();
    const { operations } = await stack.up();
    expect(promised.length).toBeGreaterThan(0);
    expect([...operations].sort()).toEqual([...promised].sort());
    expect(await stack.preview()).toEqual([]);
  });
});

test("the state and the preview hold no secret in plain, base64 or quoted form, and the search finds a planted one", async () => {
  const { stdout: shown } = await stack.pulumi("stack", "export", "--show-secrets");
  const secrets: string[] = JSON.parse(shown)
    .deployment.resources.filter(({ type }: { type: string }) => type === "random:index/randomPassword:RandomPassword")
    .map(({ outputs: { result } }: any) => JSON.parse(result.plaintext));
  expect(secrets.length).toBeGreaterThanOrEqual(5);
  const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), encodeURIComponent(secret)]);
  const texts = [
    (await stack.pulumi("stack", "export")).stdout,
    (await stack.pulumi("preview", "--diff")).stdout,
    (await stack.pulumi("preview", "--json")).stdout,
  ];
  const found = (places: string[]) => forms.filter((form) => places.some((place) => place.includes(form)));
  expect(found(texts)).toEqual([]);
  expect(found([...texts, secrets[0]])).toContain(secrets[0]);
});

const locks = () => join(stack.checkout, ".state/.pulumi/locks/organization/django-stack/prod");

describe("an up that is ended half-way", () => {
  const replicas = async () => {
    const filter = encodeURIComponent(JSON.stringify({ label: ["django-stack.name=dsengine", "django-stack.component=django"] }));
    const containers: { Names: string[] }[] = await engineApi("GET", `/containers/json?all=true&filters=${filter}`);
    // By their names: the containers of a build have the labels, too.
    return containers.filter(({ Names }) => /^\/dsengine-prod-django-\d/.test(Names[0])).length;
  };

  test.each(["SIGINT", "SIGKILL"] as const)("by %s is finished by the next one, with nothing left over", async (signal) => {
    const page = join(project, "movies/templates/movies/index.html");
    writeFileSync(page, readFileSync(page, "utf8").replace(/<h1>[^<]*/, `<h1>After ${signal}`));
    const before = await replicas();
    const { child, ended } = stack.startUp();
    await expect.poll(replicas, { timeout: 120_000 }).toBeGreaterThan(before);
    process.kill(-(child.pid ?? 0), signal);
    // Pulumi, in a session of its own, isn't of that group; its lock has its number.
    if (signal === "SIGKILL") process.kill(JSON.parse(readFileSync(join(locks(), readdirSync(locks())[0]), "utf8")).pid, signal);
    await ended;
    expect(await answers()).toBe(200);
    await stack.upAgain();
    expect(await stack.preview()).toEqual([]);
    const known = await stack.recorded();
    const filter = encodeURIComponent(JSON.stringify({ label: ["django-stack.name=dsengine"] }));
    const containers: { Id: string }[] = await engineApi("GET", `/containers/json?all=true&filters=${filter}`);
    expect(containers.filter(({ Id }) => !known.includes(Id))).toEqual([]);
  });
});

test("of two ups at once, one works and the other says that it does", async () => {
  stack.config = { ...config, nginx: { keepaliveSeconds: 31 } };
  const isLocked = () => existsSync(locks()) && readdirSync(locks()).length > 0;
  const first = stack.up();
  await expect.poll(isLocked, { timeout: 60_000 }).toBe(true);
  const results = await Promise.allSettled([first, stack.up()]);
  // Either: selecting the stack, which each begins with, takes the lock for a moment too.
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(results.map((result) => (result.status === "rejected" ? String(result.reason) : "")).join("")).toMatch(/locked/);
});

test("a replica removed by hand is made again, and nothing else changes", async () => {
  const filter = encodeURIComponent(JSON.stringify({ label: ["django-stack.name=dsengine", "django-stack.component=django"] }));
  const [{ Id, Names }] = await engineApi("GET", `/containers/json?filters=${filter}`);
  await engineApi("DELETE", `/containers/${Id}?force=true`);
  const { operations } = await stack.up();
  const name = Names[0].slice(1).replace(/-[0-9a-f]{7}$/, "");
  expect(operations.filter((operation) => /-django-\d+$/.test(operation))).toEqual([`create docker:index/container:Container ${name}`]);
  expect(await answers()).toBe(200);
});

test("a pruned volume that no container uses is made again, and the data goes on", async () => {
  await engineApi("DELETE", "/volumes/dsengine-prod-owner");
  expect((await stack.up()).operations).toEqual(["create docker:index/volume:Volume dsengine-prod-owner"]);
  expect(await answers()).toBe(200);
});

test("services that were stopped by hand run again, and nothing else changes", async () => {
  const filter = encodeURIComponent(JSON.stringify({ label: ["django-stack.name=dsengine"], name: ["dsengine-prod-(nginx$|django-0-)"] }));
  const services: { Id: string }[] = await engineApi("GET", `/containers/json?filters=${filter}`);
  expect(services.length).toBe(2);
  for (const { Id } of services) await engineApi("POST", `/containers/${Id}/stop?t=1`);
  const { operations } = await stack.up();
  expect([...operations].sort()).toEqual(["django-0", "nginx"].map((service) => `update docker:index/container:Container dsengine-prod-${service}`));
  expect(await engineApi("GET", `/containers/json?filters=${filter}`)).toHaveLength(2);
  expect(await answers()).toBe(200);
  expect(await stack.preview()).toEqual([]);
});

/** Nobody has set a passphrase: the commands make one. */
const own = { PULUMI_CONFIG_PASSPHRASE: undefined, PULUMI_CONFIG_PASSPHRASE_FILE: undefined };

test("a checkout whose .state is gone, passphrase and all, finds its data again by the way that the error and docs/data.md name", async () => {
  const [{ Id }] = await engineApi("GET", `/containers/json?filters=${encodeURIComponent(JSON.stringify({ label: ["django-stack.name=dsengine", "django-stack.component=django"] }))}`); // prettier-ignore
  runInShell(Id, 'from movies.models import Movie; Movie.objects.create(title="Alien", year=1979)');
  const state = join(stack.checkout, ".state");
  const checkout = readFileSync(join(state, "checkout"), "utf8").trim();
  for (const name of readdirSync(state)) rmSync(join(state, name), { recursive: true });
  const refused = await stack.startUp(own).ended;
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(/passphrase +made \.state\/passphrase: .*; Pulumi\.prod\.yaml had the encryptionsalt of another checkout/);
  expect(refused.output).toMatch(new RegExp(`volumes .*dsengine-prod-postgres-18-data.* exist and they belong .*; where they are meant for this checkout, write ${checkout} into \\.state/checkout`)); // prettier-ignore
  expect(await answers()).toBe(200);
  writeFileSync(join(state, "checkout"), `${checkout}\n`);
  const { code, output } = await stack.startUp(own).ended;
  expect([code, output]).toEqual([0, expect.stringContaining("https://dsengine.localhost:18446/admin/")]);
  const authority = execFileSync("npm", ["run", "--silent", "pulumi", "--", "stack", "output", "caCertificate", "--stack", "prod"], {
    cwd: stack.checkout,
    env: { ...process.env, ...own },
    encoding: "utf8",
  });
  expect((await new Client({ url: outputs.url, authority }).request("/api/movies/?search=Alien")).text).toContain('"title":"Alien"');
});

test("npm run pulumi sets a secret of a stack that has never been up, and npm run preview reads it", () => {
  const npm = (...words: string[]) =>
    execFileSync("npm", ["run", "--silent", ...words], { cwd: stack.checkout, env: { ...process.env, ...own }, encoding: "utf8", input: "hunter2", stdio: "pipe" }); // prettier-ignore
  const file = join(stack.checkout, "Pulumi.staging.yaml");
  writeFileSync(file, "config:\n  django-stack:name: dsstaging\n  django-stack:httpPort: 18084\n  django-stack:httpsPort: 18447\n");
  npm("pulumi", "--", "config", "set", "--secret", "--path", "django-stack:secretEnv.EMAIL_PASSWORD", "--stack", "staging");
  expect(readFileSync(file, "utf8")).toMatch(/django-stack:secretEnv:\n +EMAIL_PASSWORD:\n +secure: v1:/);
  expect(npm("preview", "--", "staging")).toContain("- makes the whole stack");
});
