import { afterEach, describe, expect, test, vi } from "vitest";
import { load } from "./support/load-config.ts";

const cards = { lo: [{ family: "IPv4", address: "127.0.0.1" }] };
vi.mock("node:os", async (original) => ({ ...(await original<typeof import("node:os")>()), networkInterfaces: () => cards }));

afterEach(() => vi.unstubAllEnvs());

describe("on a machine without IPv6", () => {
  test("nothing listens there, and nginx needs no addresses of it", async () => {
    const { bindAddress, ipv6ClientAddresses } = await load("prod", { ipv6ClientAddresses: true });
    expect([bindAddress, ipv6ClientAddresses]).toEqual([["0.0.0.0"], false]);
  });

  test("a stack on another machine has what it says", async () => {
    vi.stubEnv("DOCKER_HOST", "ssh://root@movies.example");
    const { bindAddress, ipv6ClientAddresses } = await load("prod", { ipv6ClientAddresses: true });
    expect([bindAddress, ipv6ClientAddresses]).toEqual([["0.0.0.0", "::"], true]);
  });
});
