import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..");

/** The peer: bench/compose.yaml, a stack written by hand as the guides do it, and what its owner types to change it. */
export class ComposeProject {
  readonly url: string;
  /** What its files take from the environment. */
  readonly variables: Record<string, string>;
  private readonly name: string;
  private readonly files: string;
  private readonly command: readonly string[];

  /**
   * @param files folder for its certificate and nginx.conf, outside the checkout.
   * @param address of this machine that its port is published on.
   */
  constructor(name: string, image: string, port: number, files: string, address = "127.0.0.1") {
    const command = composeCommand();
    if (command === undefined) throw new Error("no Docker Compose 2 on this machine");
    this.command = command;
    this.name = name;
    this.files = files;
    this.url = `https://movies.localhost:${port}`;
    mkdirSync(join(files, "tls"), { recursive: true });
    this.variables = {
      BENCH_IMAGE: image,
      BENCH_PORT: String(port),
      BENCH_ADDRESS: address,
      BENCH_CERTIFICATE: join(files, "tls"),
      BENCH_NGINX: join(files, "nginx.conf"),
    };
    this.writeNginxConfig((text) => text);
    this.makeCertificate();
  }

  get authority(): string {
    return readFileSync(join(this.files, "tls", "certificate.pem"), "utf8");
  }

  writeNginxConfig(change: (text: string) => string): void {
    writeFileSync(join(this.files, "nginx.conf"), change(readFileSync(join(folder, "compose-nginx.conf"), "utf8")));
  }

  makeCertificate(): void {
    const key = join(this.files, "tls", "key.pem");
    const names = ["-subj", "/CN=movies.localhost", "-addext", "subjectAltName=DNS:movies.localhost"];
    execFileSync("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], { stdio: "ignore" });
    execFileSync("openssl", ["req", "-x509", "-key", key, "-days", "30", ...names, "-out", join(this.files, "tls", "certificate.pem")], {
      stdio: "ignore",
    });
  }

  /** Runs `docker compose` with this project and returns what it printed. */
  compose(...args: string[]): string {
    const [command, ...words] = this.command;
    return execFileSync(command, [...words, "--project-name", this.name, "--file", join(folder, "compose.yaml"), ...args], {
      env: { ...process.env, ...this.variables },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}

/** Returns the words that run Docker Compose 2 here; undefined where there is none. */
export function composeCommand(): readonly string[] | undefined {
  return [["docker", "compose"], ["docker-compose"]].find(([command, ...args]) =>
    /version v?[2-9]/i.test(spawnSync(command, [...args, "version"], { encoding: "utf8" }).stdout ?? ""),
  );
}
