import { spawnSync } from "node:child_process";
import { docker, type Site } from "./site.ts";

/** A client with an address of its own on the edge network, as a visitor from elsewhere has one. */
export class EdgeClient {
  readonly name: string;
  private readonly site: Site;

  constructor(site: Site, name: string) {
    this.site = site;
    this.name = `${site.prefix}-visitor-${name}`;
    spawnSync("docker", ["rm", "--force", this.name]);
    docker("run", "--detach", "--name", this.name, "--network", `${site.prefix}-edge`, "--entrypoint", "sleep", "nginx:1.30", "600");
  }

  get address(): string {
    return docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${this.site.prefix}-edge").IPAddress}}`, this.name).trim();
  }

  /** Sends requests, `parallel` at a time, and returns their statuses. */
  statuses(paths: readonly string[], { parallel = 1, options = [] as readonly string[] } = {}): number[] {
    const host = new URL(this.site.outputs.url).hostname;
    const format = `{{(index .NetworkSettings.Networks "${this.site.prefix}-edge").IPAddress}}`;
    const nginx = docker("inspect", "--format", format, `${this.site.prefix}-nginx`).trim();
    const urls = paths.map((path) => `https://${host}:8443${path}`);
    const common = ["--silent", "--insecure", "--resolve", `${host}:8443:${nginx}`, "--output", "/dev/null", "--write-out", "%{http_code}\\n"];
    // One curl a request: each its own connection, none waits for another.
    const each = `printf '%s\\n' "$@" | xargs -P ${parallel} -I{} curl ${[...common, ...options].map((word) => `'${word}'`).join(" ")} {}`;
    const { stdout } = spawnSync("docker", ["exec", this.name, "sh", "-c", each, "sh", ...urls], { encoding: "utf8" });
    return stdout.trim().split("\n").map(Number);
  }

  remove(): void {
    docker("rm", "--force", this.name);
  }
}
