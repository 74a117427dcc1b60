import { describe, expect, test } from "vitest";
import type { Config } from "../config.ts";
import { ownershipProblems, stackObjects } from "../ownership-check.ts";
import { fakeDocker } from "./support/fake-docker.ts";

const config = { name: "movies", stack: "prod", prefix: "movies-prod", owner: { checkout: "aaaaaaaaaaaa" } } as unknown as Config;
const ours = "movies|prod|aaaaaaaaaaaa";
const theirs = "movies|prod|bbbbbbbbbbbb";
const otherName = "fix: choose another `name` in this stack's config, or remove the other stack from its own checkout";

async function problems({ networks = "", containers = "", volumes = "" }): Promise<string[]> {
  const { docker } = fakeDocker([
    [/^network ls/, networks],
    [/^ps --all --format/, containers],
    [/^volume ls/, volumes],
  ]);
  return ownershipProblems(await stackObjects(config, docker), config);
}

describe("objects of the same name", () => {
  test("of this checkout are welcome; one volume says whose all are", async () => {
    const volumes = `movies-prod-owner ${ours}\nmovies-prod-media-data ||\n`;
    expect(await problems({ networks: `movies-prod-edge ${ours}\n`, containers: `movies-prod-nginx ${ours}\n`, volumes })).toEqual([]);
  });

  test("of another checkout are refused by name, all of them in one line", async () => {
    expect(
      await problems({
        networks: `movies-prod-edge ${theirs}\n`,
        containers: `movies-prod-nginx ${theirs}\nmovies-prod-django-0-aaaaaaa ${theirs}\n`,
        volumes: `movies-prod-owner ${theirs}\nmovies-prod-postgres-18-data ||\n`,
      }),
    ).toEqual([
      `network movies-prod-edge, containers movies-prod-nginx, movies-prod-django-0-aaaaaaa, volumes movies-prod-owner, movies-prod-postgres-18-data exist and they belong to stack prod of movies, checkout bbbbbbbbbbbb; ${otherName}; where they are meant for this checkout, write bbbbbbbbbbbb into .state/checkout, or set checkout to it in the stack's file`,
    ]);
  });

  test("of another stack, or of nobody, aren't offered to this one", async () => {
    expect(await problems({ networks: "movies-prod-edge film|stars|bbbbbbbbbbbb", containers: "movies-prod-nginx ||" })).toEqual([
      `network movies-prod-edge exists and it belongs to stack stars of film, checkout bbbbbbbbbbbb; ${otherName}`,
      `container movies-prod-nginx exists and nothing says whose it is; ${otherName}`,
    ]);
    expect(await problems({ volumes: "movies-prod-media-data ||\nmovies-prod-cache ||\n" })).toEqual([
      `volumes movies-prod-media-data, movies-prod-cache exist and nothing says whose they are; ${otherName}; where they are this stack's own, docker volume create --label django-stack.name=movies --label django-stack.stack=prod --label django-stack.checkout=aaaaaaaaaaaa movies-prod-owner`,
    ]);
  });

  test("whose volume that says so was pruned are those of whom all others say", async () => {
    const volumes = "movies-prod-media-data ||\nmovies-prod-postgres-18-data ||\n";
    expect(await problems({ networks: `movies-prod-edge ${ours}\n`, containers: `movies-prod-nginx ${ours}\n`, volumes })).toEqual([]);
    expect(await problems({ volumes: `${volumes}movies-prod-nginx-files ${ours}\n` })).toEqual([]);
    const [network, containersAndVolumes] = await problems({
      networks: `movies-prod-edge ${theirs}\n`,
      containers: `movies-prod-nginx ${ours}\n`,
      volumes,
    });
    expect([network, containersAndVolumes]).toEqual([
      expect.stringMatching(/^network movies-prod-edge exists and it belongs to/),
      expect.stringMatching(/^volumes movies-prod-media-data, movies-prod-postgres-18-data exist and nothing says whose they are/),
    ]);
  });

  test("of a stack whose name only begins alike are left out", async () => {
    expect(
      await problems({
        networks: "movies-prod-eu-edge ||",
        containers: "movies-prod-eu-nginx ||\nmovies-production ||",
        volumes: "movies-prod-eu-owner ||",
      }),
    ).toEqual([]);
  });
});
