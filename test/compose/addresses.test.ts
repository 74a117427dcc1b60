import { expect, test } from "vitest";
import { addressesOf } from "../../compose/addresses.ts";

test("addresses are the stack's own: private, apart from Docker's own choice, and no two networks share any", () => {
  const all = ["movies-prod", "movies-dev", "films-prod"].flatMap((prefix) =>
    ["edge", "app", "db", "dev", "backup"].flatMap((key) => addressesOf(prefix, key)),
  );
  for (const { subnet, gateway } of all) {
    expect(subnet).toMatch(/^10\.(12[89]|1[3-9]\d|2[0-4]\d|25[0-5])\.\d+\.0\/24$/);
    expect(gateway).toBe(subnet.replace("0/24", "1"));
  }
  expect(new Set(all.map(({ subnet }) => subnet)).size).toBe(all.length);
});

test("the same name has the same ones", () => {
  expect(addressesOf("movies-prod", "app")).toEqual(addressesOf("movies-prod", "app"));
});

test("those of IPv6 are unique local ones", () => {
  const [edge, app, other] = [
    ["movies-prod", "edge"],
    ["movies-prod", "app"],
    ["movies-dev", "edge"],
  ].map(([prefix, key]) => addressesOf(prefix, key, { ipv6: true })[1]);
  expect(edge.subnet).toMatch(/^fd[0-9a-f]{2}:[0-9a-f]{4}:[0-9a-f]{4}:1::\/64$/);
  expect(edge.gateway).toBe(edge.subnet.replace("::/64", "::1"));
  expect(app.subnet).toBe(edge.subnet.replace(":1::/64", ":2::/64"));
  expect(other.subnet).not.toBe(edge.subnet);
});

test("a network without addresses ends the export, by its name", () => {
  expect(() => addressesOf("movies-prod", "swarm")).toThrow("network swarm: no addresses are set aside for it");
});
