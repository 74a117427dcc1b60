import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Client } from "./client.ts";
import type { MakeStack, StackDriver } from "./stack-driver.ts";

/** Runs a docker command and returns what it printed. */
export const docker = (...args: string[]): string =>
  // What it says besides is part of the error where it fails, and elsewhere of no interest: a container's log, say.
  execFileSync("docker", args, { encoding: "utf8", maxBuffer: 1e8, stdio: "pipe" });

/** Returns all that a container wrote, to its standard output and error. */
export const logsOf = (container: string, ...options: string[]): string =>
  execFileSync("sh", ["-c", 'docker logs "$@" 2>&1', "sh", ...options, container], { encoding: "utf8", maxBuffer: 1e8 });

/** Makes an image without content that has a stack's labels, as an earlier build leaves one, with a tag or without; returns its id. */
export function emptyImage({ name, stack, tag }: { name: string; stack: string; tag?: string }): string {
  const labels = Object.entries({ name, stack }).flatMap(([key, value]) => ["--change", `LABEL django-stack.${key}=${value}`]);
  // 1024 zeros are an archive that ends at once.
  return execFileSync("docker", ["import", ...labels, "-", ...(tag === undefined ? [] : [tag])], {
    input: Buffer.alloc(1024),
    encoding: "utf8",
  }).trim();
}

/** Whether this machine answers on ::1. */
export const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

/** The smallest picture. */
export const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");

/** A production stack of a test's own, with a copy of the Django project to change. */
export class Site {
  readonly name: string;
  readonly prefix: string;
  /** Folder of the copy. */
  readonly project: string;
  readonly stack: StackDriver;
  /** Whom visitors trust, PEM; the stack's own authority when empty. */
  authorities: string[] = [];
  /** Outputs of the last `up`. */
  outputs: Record<string, any> = {};
  /** A visitor who may log in and stay so. */
  admin = new Client({ url: "https://movies.localhost:18443" });

  /** Port of 127.0.0.1 that leads to the site's HTTPS port, where that isn't the same. */
  readonly port: number | undefined;

  constructor(name: string, makeStack: MakeStack, { port, config = {} }: { port?: number; config?: Record<string, unknown> } = {}) {
    this.name = name;
    this.port = port;
    this.prefix = `${name}-prod`;
    this.project = join(tmpdir(), `${name}-prod-${process.pid}`, "django");
    this.stack = makeStack("prod", {
      environment: "prod",
      name,
      domain: "movies.localhost",
      aliases: ["www.movies.localhost"],
      httpPort: "18080",
      httpsPort: "18443",
      bindAddress: "127.0.0.1",
      app: { context: this.project, drainSeconds: 6, requestGraceSeconds: 20, startSeconds: 20 },
      // All of a test's clients are one to nginx; what limits do, the traffic tests show.
      limits: { requestsPerSecond: "none", connections: "none", loginAttemptsPerMinute: "none" },
      superuser: { username: "admin", email: "admin@example.com" },
      ...config,
    });
  }

  /** @param prepare changes the copy of the project before the first `up`. */
  async start(prepare: (project: string) => void = () => {}): Promise<void> {
    cpSync(join(import.meta.dirname, "../../django"), this.project, { recursive: true });
    prepare(this.project);
    await this.stack.sweep();
    await this.up();
    this.admin = this.anonymous();
  }

  async stop(): Promise<void> {
    await this.stack.sweep();
    this.stack.dispose();
    rmSync(dirname(this.project), { recursive: true });
  }

  async up(): Promise<void> {
    ({ outputs: this.outputs } = await this.stack.up());
  }

  /** Certificates of the authorities that visitors trust, PEM. */
  get authority(): string {
    return this.authorities.length > 0 ? this.authorities.join("\n") : this.outputs.caCertificate;
  }

  /** A visitor without cookies. */
  anonymous(): Client {
    return new Client({ url: this.outputs.url, port: this.port, authority: this.authority });
  }

  /** Ids of the running containers of a component. */
  containersOf(component: string): string[] {
    const filters = [`label=django-stack.name=${this.name}`, `label=django-stack.component=${component}`].flatMap((filter) => ["--filter", filter]);
    return docker("ps", "--quiet", ...filters)
      .trim()
      .split("\n");
  }
}
