import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ContainerStack } from "../support/container-stack.ts";
import { answersAgain, failuresBetween, secondsUntil, tell } from "../support/faults.ts";
import { loadDuring } from "../support/site-load.ts";
import { Site } from "../support/site.ts";

// The stack's engine runs in a container of this machine's engine: that container is the machine whose power is cut.
const machine = process.env.DJANGO_STACK_TEST_HOST ?? "";
const outside = { ...process.env, DOCKER_HOST: process.env.DJANGO_STACK_TEST_HOST_ENGINE || undefined };
const onMachine = (...args: string[]) => execFileSync("docker", args, { env: outside, encoding: "utf8" });

const site = new Site("dspower", (stack, config) => new ContainerStack(stack, config), { port: 28443, config: { bindAddress: "0.0.0.0" } });
beforeAll(() => site.start());
afterAll(() => site.stop());

test("a power cut of the whole machine: the stack comes up by itself with every acknowledged write", async () => {
  // A stack that has been changed since it was made, as every stack has.
  site.stack.config = { ...site.stack.config, nginx: { keepaliveSeconds: 30 } };
  await site.up();
  let back = 0;
  const result = await loadDuring(
    site,
    40,
    async () => {
      onMachine("kill", machine);
      await sleep(2000);
      const start = performance.now();
      onMachine("start", machine);
      await secondsUntil(() => answersAgain(() => site.anonymous().request("/")), 60);
      back = (performance.now() - start) / 1000;
      await sleep(3000);
    },
    { secondsBefore: 5, secondsAfter: 5 },
  );
  tell("cut the power", result.requests, result.from, result, { "site back after s": back });
  expect(back).toBeLessThan(60);
  expect(failuresBetween(result.requests, result.to, Infinity)).toEqual([]);
  expect([result.missing, result.doubled]).toEqual([[], []]);
  expect((await site.stack.up()).operations).toEqual([]);
});
