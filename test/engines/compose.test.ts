import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ComposeStack } from "../support/compose-stack.ts";
import { Site } from "../support/site.ts";

const site = new Site("dsengine", (stack, config) => new ComposeStack(stack, config));

describe("by Compose, whose images buildx makes and containerd stores", () => {
  beforeAll(() => site.start());
  afterAll(() => site.stop());

  test("a second up changes nothing", async () => {
    expect((await site.anonymous().request("/")).status).toBe(200);
    expect((await site.stack.up()).operations).toEqual([]);
  });
});
