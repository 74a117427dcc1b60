import { expect, test } from "vitest";
import { addressesOf } from "../../compose/addresses.ts";

test("addresses are the stack's own: private, apart from Docker's own choice, and no two networks share any", () => {
  const all = ["movies-prod", "movies-dev", "films-prod"].flatMap((prefix) =>
    ["edge", "app", "db", "dev", "backup"].map((key) => addressesOf(prefix, key)),
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

test("a network without addresses ends the export, by its name", () => {
  expect(() => addressesOf("movies-prod", "swarm")).toThrow("network swarm: no addresses are set aside for it");
});
