import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Backups, databaseContent, mediaContent, query, run } from "../support/backups.ts";
import { ContainerStack } from "../support/container-stack.ts";
import { buildHost } from "../support/host-image.ts";
import { docker, Site } from "../support/site.ts";

const site = new Site("dstargets", (name, config) => new ContainerStack(name, config));
const backups = new Backups(site);
const folder = mkdtempSync(join(tmpdir(), "django-stack-targets-"));
const host = "dstargets-keeper";
const keepAside = new Set<string>();
const sql = (text: string) => query(site, text);

const up = (backup: Record<string, unknown>) => {
  site.stack.config = { ...site.stack.config, backup };
  return site.up();
};

/** Starts another host on the network that the backups go out by. */
function startHost(image: string): void {
  docker("run", "--detach", "--name", host, "--network", `${site.prefix}-backup`, "--network-alias", "keeper", image);
}

beforeAll(async () => {
  await site.start();
  sql(
    "INSERT INTO movies_movie (title, year, description, poster, created_at) SELECT 'Alien ' || number, 1979, '', '', now() FROM generate_series(1, 500) AS number",
  );
  docker(
    "exec",
    site.containersOf("django")[0],
    "sh",
    "-c",
    "mkdir -p /vol/web/media/posters && head -c 200000 /dev/urandom > /vol/web/media/posters/one.jpg",
  );
}, 600_000);
afterAll(async () => {
  await run("rm", "--force", host);
  for (const volume of keepAside) await run("volume", "rm", volume);
  await site.stop();
  rmSync(folder, { recursive: true });
});

test("a folder of the Docker host", async () => {
  const target = join(folder, "backups");
  docker("run", "--rm", "--volume", `${folder}:/folder`, "--entrypoint", "mkdir", "nginx:1.30", "/folder/backups");
  await up({ target });
  await backups.make();
  expect(statSync(join(target, "repository", "config")).isFile()).toBe(true);
  const [{ HostConfig, Mounts }] = JSON.parse(docker("inspect", backups.container));
  expect(HostConfig.Binds ?? []).toEqual([]);
  expect(Mounts.every(({ Type }: any) => Type === "volume")).toBe(true);
  expect(HostConfig.NetworkMode).toBe("none");
});

describe("another host by sftp", () => {
  let image: string;
  beforeAll(() => {
    image = buildHost("sftp");
    const hostKey = docker("run", "--rm", "--entrypoint", "cat", image, "/etc/ssh/ssh_host_ed25519_key.pub");
    writeFileSync(join(folder, "host-keys"), `keeper ${hostKey}`);
    writeFileSync(join(folder, "key"), docker("run", "--rm", "--entrypoint", "cat", image, "/srv/client-key"), { mode: 0o600 });
  });
  const target = { target: "sftp:keeper@keeper:/home/keeper/backups/movies", sshKey: join(folder, "key"), sshHostKeys: join(folder, "host-keys") };

  test("that can't be reached: up goes through, the site works, the failure is there to see", async () => {
    await up(target);
    const { code, output } = await backups.ask("now");
    expect([code, output]).toEqual([1, expect.stringContaining("can't open sftp:keeper@keeper:/home/keeper/backups/movies: ")]);
    expect((await backups.status()).failure).toContain("can't open sftp:keeper@keeper");
    expect((await site.anonymous().request("/api/movies/")).status).toBe(200);
  });

  test("that can: a backup is made there and proven", async () => {
    startHost(image);
    await sleep(1000);
    const id = await backups.make();
    expect(await backups.list()).toEqual(expect.arrayContaining([{ id, proven: true }]));
    expect(docker("exec", host, "ls", "/home/keeper/backups/movies")).toContain("config");
  });

  test("goes away: the last good one stays, and the next is made when it is back", async () => {
    const before = await backups.list();
    docker("stop", "--time", "1", host);
    expect((await backups.ask("now")).code).toBe(1);
    expect((await backups.status()).verified_id).toBe(before.at(-1)?.id);
    docker("start", host);
    await sleep(1000);
    await backups.make();
    expect((await backups.status()).failure).toBe("");
  });

  test("another host in its place is refused", async () => {
    docker("exec", host, "sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key");
    docker("restart", "--time", "1", host);
    await sleep(1000);
    const { code, output } = await backups.ask("now");
    expect([code, output]).toEqual([1, expect.stringContaining("can't open sftp:")]);
    docker("rm", "--force", host);
  });
});

describe("S3-compatible storage", () => {
  const target = () => ({
    target: "s3:http://keeper:5000/backups",
    credentials: { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: 'it\'s "secret"' },
  });

  test("a backup is made there and proven; the credentials are nowhere to be read", async () => {
    await up(target());
    startHost(buildHost("s3"));
    for (let second = 0; second < 30 && !docker("exec", host, "sh", "-c", "grep -q :1388 /proc/net/tcp && echo up || true").includes("up"); second++)
      await sleep(1000);
    docker("exec", host, "python3", "-c", "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:5000/backups', method='PUT'))");
    await backups.make();
    expect(docker("inspect", backups.container)).not.toContain('secret\\"');
    expect(docker("logs", backups.container)).not.toContain("it's");
  });

  test("an empty machine gets everything back from the target, the passphrase and the checkout alone", async () => {
    const saved = { database: databaseContent(site), media: mediaContent(site) };
    const passphrase = site.outputs.backupPassphrase;
    docker("network", "disconnect", `${site.prefix}-backup`, host);
    await site.stack.sweep();
    expect(docker("volume", "ls", "--quiet", "--filter", `name=${site.prefix}-`).trim()).toBe("");
    const began = Date.now();
    const config = { ...site.stack.config, backup: { ...target(), passphrase } };
    const empty = new ContainerStack("prod", config);
    // Its own first backup fails as long as the storage isn't there, and comes later.
    site.outputs = (await empty.up()).outputs;
    docker("network", "connect", "--alias", "keeper", `${site.prefix}-backup`, host);
    const { code, output } = await backups.restore("latest");
    expect([code, output]).toEqual([0, expect.stringContaining("restore: done")]);
    console.log(`an empty machine has everything again after ${((Date.now() - began) / 1000).toFixed(0)} s`);
    expect({ database: databaseContent(site), media: mediaContent(site) }).toEqual(saved);
    const visitor = site.anonymous();
    expect((await visitor.request("/media/posters/one.jpg")).body).toHaveLength(200_000);
    expect((await visitor.request("/api/movies/?search=Alien%20500")).text).toContain("Alien 500");
    docker("rm", "--force", host);
    await empty.destroy();
  });
});
