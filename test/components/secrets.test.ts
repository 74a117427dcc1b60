import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { Secrets, type SecretsArgs } from "../../components/secrets.ts";
import { componentResources } from "../support/component.ts";

const args: SecretsArgs = {
  databasePasswordVersion: 1,
  secretKeyVersion: 1,
  basicAuthPasswordVersion: 1,
  superuser: false,
  basicAuth: false,
  protectData: true,
};
const lengths = async (change: Partial<SecretsArgs>) =>
  Object.values(await componentResources(() => new Secrets("movies-prod", { ...args, ...change }))).map(({ name, inputs }) => [
    name.replace("movies-prod-", ""),
    inputs.length,
    inputs.special,
  ]);

test("two passwords, three keys, and initdb's password", async () => {
  expect(await lengths({})).toEqual([
    ["backup-passphrase", 32, false],
    ["database-password-0", 40, false],
    ["database-password-1", 40, false],
    ["initial-password", 40, false],
    ["secret-key-0", 64, false],
    ["secret-key-1", 64, false],
    ["secret-key-2", 64, false],
  ]);
});

test("a version counted up keeps the one before, of the key also the one after, and drops the others", async () => {
  const names = (await lengths({ databasePasswordVersion: 2, secretKeyVersion: 5 })).map(([name]) => name);
  const keys = ["secret-key-4", "secret-key-5", "secret-key-6"];
  expect(names).toEqual(["backup-passphrase", "database-password-1", "database-password-2", "initial-password", ...keys]);
});

test("the backups' passphrase outlives a destroy as the backups do", async () => {
  for (const protectData of [true, false]) {
    const resources = Object.values(await componentResources(() => new Secrets("movies-prod", { ...args, protectData })));
    expect(resources.filter(({ protect }) => protect).map(({ name }) => name)).toEqual(protectData ? ["movies-prod-backup-passphrase"] : []);
  }
});

test("a superuser's password where there is one", async () => {
  expect(await lengths({ superuser: true })).toContainEqual(["superuser-password", 24, false]);
});

test("a password for the whole site where it is asked for, another one for another version", async () => {
  expect(await lengths({ basicAuth: true })).toContainEqual(["basic-auth-password-1", 32, false]);
  expect(await lengths({ basicAuth: true, basicAuthPasswordVersion: 2 })).toContainEqual(["basic-auth-password-2", 32, false]);
});

test("every output is secret", async () => {
  let secrets: Secrets | undefined;
  await componentResources(() => (secrets = new Secrets("movies-prod", { ...args, superuser: true, basicAuth: true })));
  const outputs = Object.values(secrets ?? {}).filter((value) => pulumi.Output.isInstance(value) && value !== secrets?.urn);
  expect(outputs).toHaveLength(9);
  for (const output of outputs) expect(await pulumi.isSecret(output)).toBe(true);
});
