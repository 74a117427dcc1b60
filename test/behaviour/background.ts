import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { docker, logsOf, Site } from "../support/site.ts";
import type { MakeStack } from "../support/stack-driver.ts";

const work = readFileSync(join(import.meta.dirname, "../support/work.py"), "utf8");
const tasks = { command: ["python", "manage.py", "work", "tasks"], stopSeconds: 20 };
const clock = { command: ["python", "manage.py", "work", "clock"], stopSeconds: 20, alone: true };

/** What background processes do while the stack is changed. */
export function backgroundBehaviour(name: string, makeStack: MakeStack): void {
  describe("background processes", () => {
    // Ports of its own, for it runs while another suite does.
    const site = new Site(name, makeStack, { config: { httpPort: "18085", httpsPort: "18448", background: { clock, tasks } } });
    const command = join(site.project, "movies/management/commands/work.py");
    const release = (version: string, text = work) => writeFileSync(command, text.replace("VERSION", version));
    /** What has been said of one of them, in the order of time. */
    const said = (process: string) => {
      const lines = docker("exec", site.containersOf("django")[0], "cat", "/vol/web/media/work.log").trim().split("\n");
      return lines.filter((line) => line.startsWith(`${process} `)).map((line) => line.slice(process.length + 1));
    };
    const inspect = (container: string) => JSON.parse(docker("inspect", container))[0];
    const named = (process: string) => docker("ps", "--all", "--quiet", "--filter", `name=^${site.prefix}-background-${process}-`).trim().split("\n");

    beforeAll(async () => {
      await site.start((project) => {
        mkdirSync(join(project, "movies/management/commands"), { recursive: true });
        release("one");
      });
    });
    afterAll(() => site.stop());

    test("run with Django's settings and database, no limit of a request, secrets as files, and no port", async () => {
      for (const process of ["tasks", "clock"]) {
        expect(named(process)).toHaveLength(1);
        const { Config, NetworkSettings } = inspect(named(process)[0]);
        expect(said(process)[0]).toMatch(/^one began; statement_timeout 0; \d+ movies$/);
        expect(Object.values(NetworkSettings.Ports).flat()).toEqual([]);
        const password = docker("exec", named(process)[0], "sh", "-c", 'cat "$DATABASE_PASSWORD_FILE"');
        expect(password.length).toBeGreaterThan(20);
        expect(JSON.stringify(Config)).not.toContain(password);
      }
      expect((await site.stack.up()).operations).toEqual([]);
    });

    test("new code runs before old code is told to end, which ends what it does; of one that must be alone there are never two", async () => {
      const replicas = site.containersOf("django");
      release("two");
      await site.up();
      await vi.waitFor(() => expect(said("tasks")).toContain("one ended"), { timeout: 20_000, interval: 500 });
      const both = said("tasks");
      expect(both.findIndex((line) => line.startsWith("two began"))).toBeLessThan(both.indexOf("one was told to end"));
      const alone = said("clock");
      expect(alone.indexOf("one ended")).toBeGreaterThan(-1);
      expect(alone.findIndex((line) => line.startsWith("two began"))).toBeGreaterThan(alone.indexOf("one ended"));
      expect([named("tasks"), named("clock")].map((containers) => containers.length)).toEqual([1, 1]);
      // Nobody leaves it anything that it doesn't know.
      const began = new Date(inspect(named("tasks")[0]).State.StartedAt);
      const now = site.containersOf("django");
      expect(now.some((replica) => replicas.includes(replica))).toBe(false);
      for (const replica of now) expect(new Date(inspect(replica).Created).getTime()).toBeGreaterThan(began.getTime());
    });

    test("one that doesn't stay fails `up` with its last lines; the old one and the site go on", async () => {
      const before = [named("tasks"), site.containersOf("django")];
      release("three", work.replace("def handle", "raise RuntimeError('no such queue')\n\n    def handle"));
      site.stack.config = { ...site.stack.config, background: { tasks } };
      await expect(site.up()).rejects.toThrow(/background-tasks-0-\w+ didn't become healthy[^]*no such queue/);
      expect([named("tasks"), site.containersOf("django")]).toEqual(before);
      expect((await site.anonymous().request("/readyz")).status).toBe(200);
      expect(logsOf(before[0][0])).not.toContain("told to end");
      release("four");
      await site.up();
      expect(said("tasks").at(-1)).toMatch(/^(four began|two ended|two was told)/);
    });

    test("one that the config no longer has ends, and nothing else is touched", async () => {
      expect(named("clock")).toEqual([""]);
      const replicas = site.containersOf("django");
      site.stack.config = { ...site.stack.config, background: {} };
      const { operations } = await site.stack.up();
      expect(operations).toEqual([expect.stringMatching(/^delete docker:index\/container:Container .*-background-tasks-0/)]);
      expect(said("tasks").at(-1)).toBe("four ended");
      expect([named("tasks"), site.containersOf("django")]).toEqual([[""], replicas]);
    });
  });
}
