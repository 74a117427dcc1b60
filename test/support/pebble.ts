import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { signedCertificate } from "./certificates.ts";
import { buildHost } from "./host-image.ts";
import { docker } from "./site.ts";

/** An ACME directory of a test's own, whose certificates last two minutes; it finds a site's names on its own network. */
export class Pebble {
  /** Authority that its own TLS is signed by, PEM. */
  readonly authority: string;
  private readonly name: string;
  private readonly image: string;
  private readonly folder = mkdtempSync(join(tmpdir(), "django-stack-pebble-"));

  constructor(name: string) {
    this.name = name;
    const own = signedCertificate(["pebble"]);
    this.authority = own.authority;
    const settings = {
      listenAddress: "0.0.0.0:14000",
      managementListenAddress: "0.0.0.0:15000",
      certificate: "/pebble/certificate.pem",
      privateKey: "/pebble/key.pem",
      // Where nginx listens inside its container, which is where the names lead to here.
      httpPort: 8080,
      tlsPort: 8443,
      ocspResponderURL: "",
      externalAccountBindingRequired: false,
      profiles: { default: { description: "two minutes", validityPeriod: 120 } },
    };
    writeFileSync(join(this.folder, "settings.json"), JSON.stringify({ pebble: settings }));
    writeFileSync(join(this.folder, "certificate.pem"), own.chain);
    writeFileSync(join(this.folder, "key.pem"), own.privateKey);
    this.image = buildHost("pebble", "testing");
    spawnSync("docker", ["rm", "--force", this.name]);
    spawnSync("docker", ["network", "rm", this.name]);
    docker("network", "create", this.name);
  }

  /** Leads names to a container; another call takes the names before away. */
  lead(hostnames: readonly string[], container: string): void {
    spawnSync("docker", ["network", "disconnect", this.name, container]);
    docker("network", "connect", ...hostnames.flatMap((hostname) => ["--alias", hostname]), this.name, container);
  }

  async start(): Promise<void> {
    const environment = ["PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"].flatMap((line) => ["--env", line]);
    const place = ["--name", this.name, "--network", this.name, "--network-alias", "pebble", "--volume", `${this.folder}:/pebble:ro`];
    docker("run", "--detach", ...place, ...environment, this.image, "-config", "/pebble/settings.json", "-dnsserver", "127.0.0.11:53");
    for (let tries = 0; tries < 50; tries++) {
      if (this.root() !== undefined) return;
      await sleep(200);
    }
    throw new Error(`pebble doesn't answer: ${docker("logs", this.name)}`);
  }

  stop(): void {
    docker("rm", "--force", this.name);
  }

  /** The certificate that it signs with, PEM; made anew at every start; undefined while it doesn't answer. */
  root(): string | undefined {
    const address = docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${this.name}").IPAddress}}`, this.name).trim();
    const { status, stdout } = spawnSync("curl", ["--silent", "--fail", "--insecure", `https://${address}:15000/roots/0`], { encoding: "utf8" });
    return status === 0 ? stdout : undefined;
  }

  remove(containers: readonly string[]): void {
    spawnSync("docker", ["rm", "--force", this.name]);
    for (const container of containers) spawnSync("docker", ["network", "disconnect", "--force", this.name, container]);
    spawnSync("docker", ["network", "rm", this.name]);
    rmSync(this.folder, { recursive: true });
  }
}
