import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";

/**
 * Builds the image of a host that tests put beside a site, and returns its name.
 *
 * @param name its Dockerfile is `test/hosts/<name>.Dockerfile`.
 * @param release the Debian release whose packages it needs, where that can be pulled.
 * @param standInRelease the release that stands in for it where it can't.
 */
export function buildHost(name: string, release = "trixie", standInRelease = "forky"): string {
  const image = `django-stack-test/${name}`;
  const hosts = join(import.meta.dirname, "../hosts");
  // Where no registry answers, what the stand-ins of the base images are made from.
  const standIn = `django-stack-stand-in/debian:${standInRelease}`;
  const base = spawnSync("docker", ["image", "inspect", standIn]).status === 0 ? standIn : `debian:${release}`;
  const build = ["build", "--quiet", "--force-rm", "--build-arg", `BASE=${base}`, "--tag", image, "--file", join(hosts, `${name}.Dockerfile`), hosts];
  execFileSync("docker", build, { stdio: "ignore" });
  return image;
}
