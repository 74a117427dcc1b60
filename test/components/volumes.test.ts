import { expect, test } from "vitest";
import { Volumes } from "../../components/volumes.ts";
import { componentResources, labelsOf, owner } from "../support/component.ts";

const volumes = (protectData: boolean, postgresVersion = 18, olderPostgresVersion?: number) =>
  componentResources(() => new Volumes("movies-prod", { owner, postgresVersion, olderPostgresVersion, protectData }));

test("fixed names, no labels, and protection where it is asked for", async () => {
  const resources = await volumes(true);
  expect(Object.values(resources).map(({ name, inputs, protect, retainOnDelete }) => [name, Object.keys(inputs), protect, retainOnDelete])).toEqual([
    ["movies-prod-acme-state", ["name"], true, true],
    ["movies-prod-backups", ["name"], true, true],
    ["movies-prod-cache", ["name"], false, false],
    ["movies-prod-media-data", ["name"], true, true],
    ["movies-prod-owner", ["labels", "name"], false, true],
    ["movies-prod-postgres-18-data", ["name"], true, true],
    ["movies-prod-static-data", ["name"], false, false],
    ["movies-prod-temporary", ["name"], false, false],
  ]);
  expect(labelsOf(resources["Volume movies-prod-owner"])).toEqual({ ...owner, component: "volumes" });
  expect(resources["Volume movies-prod-owner"].ignoreChanges).toEqual(["labels"]);
});

test("no protection where it isn't", async () => {
  for (const { protect, retainOnDelete } of Object.values(await volumes(false))) expect([protect, retainOnDelete]).toEqual([false, false]);
});

test("each waits for the volume that says whose they are", async () => {
  const resources = await volumes(true);
  const ownerUrn = "urn:pulumi:prod::django-stack::django-stack:index:Volumes$docker:index/volume:Volume::movies-prod-owner";
  for (const role of ["media-data", "postgres-18-data", "static-data"])
    expect(resources[`Volume movies-prod-${role}`].dependencies).toContain(ownerUrn);
});

test("the database's name carries the major version", async () => {
  expect(Object.keys(await volumes(true, 17))).toContain("Volume movies-prod-postgres-17-data");
});

test("the other version's volume stays declared, and protected, beside the one in use", async () => {
  const resources = await volumes(true, 18, 17);
  for (const major of [17, 18]) {
    const { protect, retainOnDelete } = resources[`Volume movies-prod-postgres-${major}-data`];
    expect([major, protect, retainOnDelete]).toEqual([major, true, true]);
  }
});
