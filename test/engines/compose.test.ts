import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ComposeStack } from "../support/compose-stack.ts";
import { docker, Site } from "../support/site.ts";

const site = new Site("dsengine", (stack, config) => new ComposeStack(stack, config));

describe("by Compose, whose images buildx makes and containerd stores", () => {
  beforeAll(() => site.start());
  afterAll(() => site.stop());

  test("a second up changes nothing", async () => {
    expect((await site.anonymous().request("/")).status).toBe(200);
    expect((await site.stack.up()).operations).toEqual([]);
  });

  test("services that are up are looked at every ten seconds", () => {
    const names = docker("ps", "--format", "{{.Names}}", "--filter", `label=django-stack.name=${site.name}`).trim().split("\n");
    const intervals = names.map((name) => docker("inspect", "--format", "{{.Config.Healthcheck.Interval}} {{.State.Health.Status}}", name).trim());
    expect(names.length).toBeGreaterThan(3);
    expect(new Set(intervals)).toEqual(new Set(["10s healthy"]));
  });
});
