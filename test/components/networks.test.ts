import { expect, test } from "vitest";
import { Networks } from "../../components/networks.ts";
import { componentResources, labelsOf, owner } from "../support/component.ts";

test("three networks, of which the database's has no way out", async () => {
  const resources = await componentResources(() => new Networks("movies-prod", { owner, publishDatabase: false, remoteBackups: false }));
  expect(Object.entries(resources).map(([key, { inputs }]) => [key, inputs.name, inputs.internal])).toEqual([
    ["Network movies-prod-app", "movies-prod-app", false],
    ["Network movies-prod-db", "movies-prod-db", true],
    ["Network movies-prod-edge", "movies-prod-edge", false],
  ]);
  for (const network of Object.values(resources)) {
    expect(Object.keys(network.inputs).sort()).toEqual(["internal", "labels", "name"]);
    expect(labelsOf(network)).toEqual({ ...owner, component: "networks" });
  }
});

test("a fourth one where the database is published", async () => {
  const resources = await componentResources(() => new Networks("movies-dev", { owner, publishDatabase: true, remoteBackups: false }));
  expect(Object.keys(resources)).toContain("Network movies-dev-dev");
  expect(resources["Network movies-dev-dev"].inputs.internal).toBe(false);
});

test("addresses of IPv6 where nginx is to get those of clients, on the network that ports lead to alone", async () => {
  const args = { owner, publishDatabase: true, remoteBackups: true, ipv6ClientAddresses: true };
  const resources = await componentResources(() => new Networks("movies-prod", args));
  expect(Object.entries(resources).flatMap(([key, { inputs }]) => (inputs.ipv6 === undefined ? [] : [[key, inputs.ipv6]]))).toEqual([
    ["Network movies-prod-edge", true],
  ]);
});
