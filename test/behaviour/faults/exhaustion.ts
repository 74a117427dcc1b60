import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { failuresBetween, healthySince, secondsUntil, startTimes, tell } from "../../support/faults.ts";
import { loadDuring } from "../../support/site-load.ts";
import { docker, type Site } from "../../support/site.ts";

/** Runs a Python program inside a container, as the container's user, and doesn't wait for it. */
function python(container: string, program: string): void {
  spawn("docker", ["exec", container, "python", "-c", program], { stdio: "ignore" });
}

const run = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** What the site does when something of the machine runs out. */
export function exhaustionBehaviour(site: Site): void {
  describe("when it runs out", () => {
    test("memory in one replica ends what took it, and the other containers go on", async () => {
      const [hungry, other] = site.containersOf("django");
      const others = [other, ...site.containersOf("postgres"), ...site.containersOf("nginx")];
      const before = await startTimes(others);
      const result = await loadDuring(
        site,
        20,
        async () => {
          // Larger than the limit; the kernel ends the largest process of the replica.
          python(hungry, "import time; taken = [bytearray(1 << 20) for _ in range(2000)]; time.sleep(60)");
          await sleep(8000);
          await secondsUntil(() => healthySince(hungry, 0), 30);
        },
        { secondsAfter: 4 },
      );
      tell("took more memory than a replica has", result.requests, result.from, result);
      expect(
        docker("top", hungry)
          .split("\n")
          .filter((line) => line.includes("bytearray")),
      ).toEqual([]);
      expect(failuresBetween(result.requests, result.to, Infinity)).toEqual([]);
      expect(await startTimes(others)).toBe(before);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("processes in one replica, by a fork bomb, stays inside it", async () => {
      const [bombed, other] = site.containersOf("django");
      const others = [other, ...site.containersOf("postgres"), ...site.containersOf("nginx")];
      const before = await startTimes(others);
      const limit = Number(docker("inspect", "--format", "{{.HostConfig.PidsLimit}}", bombed));
      let most = 0;
      const bomb = `
import os, time
end = time.monotonic() + 10
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            time.sleep(12)
            os._exit(0)
    except OSError:
        time.sleep(0.05)`;
      const result = await loadDuring(
        site,
        20,
        async () => {
          python(bombed, bomb);
          for (let second = 0; second < 10; second++) {
            await sleep(1000);
            most = Math.max(most, docker("top", bombed, "-eo", "pid").trim().split("\n").length - 1);
          }
          await sleep(4000);
          await secondsUntil(() => healthySince(bombed, 0), 30);
        },
        { secondsAfter: 4 },
      );
      tell("forked without end in a replica", result.requests, result.from, result, { "processes at most": most, limit });
      expect(most).toBeLessThanOrEqual(limit);
      expect(most).toBeGreaterThan(limit / 2);
      expect(failuresBetween(result.requests, result.to, Infinity)).toEqual([]);
      expect(await startTimes(others)).toBe(before);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("nginx's own temporary space takes no page away", async () => {
      const nginx = `${site.prefix}-nginx`;
      onTestFinished(() => void docker("exec", nginx, "rm", "-f", "/tmp/fill"));
      const result = await loadDuring(site, 20, async () => {
        docker("exec", nginx, "sh", "-c", "dd if=/dev/zero of=/tmp/fill bs=1M 2>/dev/null || true");
        await sleep(5000);
      });
      tell("filled nginx's /tmp", result.requests, result.from, result);
      expect(failuresBetween(result.requests, 0, Infinity)).toEqual([]);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });

    test("the database's disk gives clean errors, breaks nothing, and is over when there is space again", async (context) => {
      if (process.getuid?.() !== 0 || process.env.DOCKER_HOST?.startsWith("ssh:"))
        context.skip("needs root on the Docker host, to mount a file system");
      const [postgres] = site.containersOf("postgres");
      const folder = mkdtempSync(join(tmpdir(), `${site.name}-disk-`));
      const image = join(folder, "image");
      const data = docker("volume", "inspect", "--format", "{{.Mountpoint}}", `${site.prefix}-postgres-18-data`).trim();
      const fill = join(data, "fill");
      // The data moves onto a small file system of its own for the time of this test.
      docker("stop", postgres);
      run("truncate", "--size=400M", image);
      run("mkfs.ext4", "-q", image);
      run("mount", "-o", "loop", image, folder);
      run("cp", "-a", `${data}/.`, folder);
      run("umount", folder);
      run("mount", "-o", "loop", image, data);
      onTestFinished(() => {
        docker("stop", postgres);
        run("umount", data);
        rmSync(folder, { recursive: true });
        docker("start", postgres);
      });
      const since = Date.now();
      docker("start", postgres);
      await secondsUntil(() => healthySince(postgres, since), 20);
      let freed = 0;
      const result = await loadDuring(
        site,
        20,
        async () => {
          run("sh", "-c", `dd if=/dev/zero of="${fill}" bs=1M 2>/dev/null || true`);
          // Large writes reach the disk's end at once.
          const big = `CREATE TABLE fills AS SELECT repeat(md5(n::text), 100) FROM generate_series(1, 100000) n`;
          run("sh", "-c", `docker exec ${postgres} psql --username=postgres --dbname=django --command "${big}" 2>&1 || true`);
          await sleep(8000);
          rmSync(fill);
          freed = Date.now();
          await secondsUntil(() => healthySince(postgres, 0), 60);
          await secondsUntil(async () => (await site.anonymous().request("/readyz")).status === 200, 60);
        },
        { secondsAfter: 5 },
      );
      tell("filled the database's disk", result.requests, result.from, result, { "well again after s": (result.to - freed) / 1000 });
      const kinds = new Set(failuresBetween(result.requests, 0, Infinity).map(({ failure }) => failure));
      expect([...kinds].filter((failure) => failure !== "status 503")).toEqual([]);
      expect(failuresBetween(result.requests, result.to + 2000, Infinity)).toEqual([]);
      expect([result.missing, result.doubled]).toEqual([[], []]);
    });
  });
}
