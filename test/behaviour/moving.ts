import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ComposeStack } from "../support/compose-stack.ts";
import { docker, png, type Site } from "../support/site.ts";
import type { MakeStack, StackDriver } from "../support/stack-driver.ts";

/**
 * What happens when a stack goes from Docker Compose to Pulumi and back.
 *
 * @param site a site that Compose runs, with a film called Alien and its poster.
 * @param makePulumi brings the same stack up by Pulumi.
 */
export function movingBehaviour(site: Site, makePulumi: MakeStack): void {
  const compose = site.stack as ComposeStack;
  const pulumi: StackDriver = makePulumi("prod", site.stack.config);
  const dataVolumes = ["acme-state", "backups", "media-data", "owner", "postgres-18-data"].map((role) => `${site.prefix}-${role}`);
  const mounts = dataVolumes.flatMap((volume) => ["--volume", `${volume}:/volumes/${volume}`]);
  const inVolumes = (script: string) =>
    docker("run", "--rm", "--user", "0:0", "--network", "none", ...mounts, "--entrypoint", "sh", "nginx:1.30", "-ec", `cd /volumes; ${script}`);
  /** What the volumes are, and what a mark in each of them says. */
  const volumes = () => ({
    objects: JSON.parse(docker("volume", "inspect", ...dataVolumes)).map(({ Name, Driver, Labels, Options }: any) => ({
      Name,
      Driver,
      Labels,
      Options,
    })),
    marks: inVolumes("grep . */.mark"),
  });
  const running = () => docker("ps", "--no-trunc", "--format", "{{.ID}} {{.Status}}").replace(/Up .*/g, "Up");
  let rows: string;

  async function expectTheSameData(): Promise<void> {
    expect((await site.anonymous().request("/api/movies/?search=Alien")).text).toBe(rows);
    expect((await site.anonymous().request(JSON.parse(rows).results[0].poster)).body).toEqual(png);
  }

  describe("a stack moves", () => {
    test("and Pulumi refuses to start over what Compose runs", async () => {
      rows = (await site.anonymous().request("/api/movies/?search=Alien")).text;
      const before = running();
      await expect(pulumi.up()).rejects.toThrow(
        new RegExp(`Docker Compose runs this stack \\(${site.prefix}-.*; fix: npm run compose -- prod down, which leaves the data`),
      );
      expect(running()).toBe(before);
      await expectTheSameData();
    });

    test("from Compose to Pulumi: the same volumes, rows and files", async () => {
      inVolumes("for volume in *; do echo $volume > $volume/.mark; done");
      const before = volumes();
      expect(before.marks.trim().split("\n")).toHaveLength(dataVolumes.length);
      await compose.compose("down");
      const { outputs, operations } = await pulumi.up();
      site.outputs = outputs;
      expect(operations.filter((operation) => /^(delete|update)/.test(operation))).toEqual([]);
      expect(volumes()).toEqual(before);
      await expectTheSameData();
    });

    test("and Compose refuses to start over what Pulumi runs", async () => {
      const before = running();
      await expect(compose.up()).rejects.toThrow(/Pulumi runs this stack \(.*; fix: npm run destroy -- prod/);
      expect(running()).toBe(before);
      await expectTheSameData();
    });

    test("from Pulumi to Compose: the same volumes, rows and files", async () => {
      const before = volumes();
      await pulumi.destroy();
      await site.up();
      expect(volumes()).toEqual(before);
      await expectTheSameData();
    });

    test("with volumes that have no labels but the one that says whose they are", () => {
      const labelled = volumes().objects.filter(({ Labels }: any) => Object.keys(Labels ?? {}).length > 0);
      expect(labelled.map(({ Name }: any) => Name)).toEqual([`${site.prefix}-owner`]);
      const text = readFileSync(`${compose.folder}/compose.yaml`, "utf8");
      for (const name of dataVolumes.filter((volume) => !volume.endsWith("-owner"))) expect(text).toContain(`{ name: ${name}, external: true }`);
      inVolumes("rm */.mark");
    });
  });
}
