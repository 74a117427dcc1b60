import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ContainerStack } from "../support/container-stack.ts";
import { addressOf, Ipv6Visitors } from "../support/ipv6-visitors.ts";
import { hasIpv6 } from "../support/site.ts";
import { TrafficSite } from "../support/traffic-site.ts";

const site = new TrafficSite("dsipv6", (stack, config) => new ContainerStack(stack, config));
const everywhere = { bindAddress: ["0.0.0.0", "::"] };
const own = { ...everywhere, ipv6ClientAddresses: true };
let visitors: Ipv6Visitors | undefined;
const ask = (network: number, host: 2 | 3, paths: readonly string[]) => visitors!.statuses(addressOf(network, host), site.outputs.url, paths);
const many = (number: number, path: string) => Array.from({ length: number }, (_, index) => `${path}${index}`);
const addressesOf = async (path: string) => (await site.logged(path, 1)).map(({ remote_addr: address }) => address);

// Where this machine has it at all.
describe.skipIf(!hasIpv6)("clients over IPv6", () => {
  beforeAll(async () => {
    visitors = new Ipv6Visitors("dsipv6");
    await site.start();
  });
  afterAll(async () => {
    visitors?.remove();
    await site.stop();
  });

  test("come from an address of Docker's", async () => {
    await site.upWith(everywhere);
    expect(ask(0, 2, ["/t/now?hidden"])).toEqual([200]);
    expect(await addressesOf("/t/now?hidden")).not.toContain(addressOf(0, 2));
  });

  test("have their own addresses where the stack asks for them, and those over IPv4 go on as before", async () => {
    await site.upWith(own);
    expect(ask(0, 2, ["/t/now?own"])).toEqual([200]);
    expect(await addressesOf("/t/now?own")).toEqual([addressOf(0, 2)]);
    expect((await site.get("/t/now?four")).status).toBe(200);
    expect((await addressesOf("/t/now?four"))[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const nginx = site.containersOf("nginx");
    await site.up();
    expect(site.containersOf("nginx")).toEqual(nginx);
  });

  test("are counted by network, whichever of its addresses they use", async () => {
    await site.upWith({ ...own, limits: { requestsPerSecond: 2, burst: 10, connections: "none", loginAttemptsPerMinute: "none" } });
    const [one, other] = [ask(0, 2, many(12, "/t/now?one")), ask(0, 3, many(12, "/t/now?other"))];
    expect(one.slice(0, 10)).toEqual(Array(10).fill(200));
    expect(other).toContain(429);
    expect(ask(1, 2, many(8, "/t/now?elsewhere"))).toEqual(Array(8).fill(200));
  });

  test("are found by lists", async () => {
    await site.upWith({ ...own, access: { deny: ["2001:db8:0:2::/64"], paths: { "/t/who": { allow: [addressOf(0, 3)], deny: [] } } } });
    expect([ask(1, 2, ["/t/now"]), ask(0, 2, ["/t/now", "/t/who"]), ask(0, 3, ["/t/who"])]).toEqual([[403], [200, 403], [200]]);
  });

  test("are hidden again, when the stack goes back", async () => {
    await site.upWith(everywhere);
    expect(ask(0, 2, ["/t/now?again"])).toEqual([200]);
    expect(await addressesOf("/t/now?again")).not.toContain(addressOf(0, 2));
  });
});
