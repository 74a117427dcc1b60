import { afterAll, expect, test } from "vitest";
import { ContainerStack } from "../support/container-stack.ts";

const stack = new ContainerStack("prod", { environment: "prod", name: "dstest", httpPort: "18080", httpsPort: "18443", bindAddress: "127.0.0.1" });
afterAll(() => stack.destroy());

test("prod comes up", async () => {
  const { outputs, operations } = await stack.up();
  console.log(operations.join("\n"), outputs);
  expect(outputs.url).toBe("https://dstest.localhost:18443");
});
