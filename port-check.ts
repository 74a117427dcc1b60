import { execFile } from "node:child_process";
import { createServer } from "node:net";
import type { DockerCommand } from "./components/docker-engine.ts";
import type { Config } from "./config.ts";
import { ownerLabels, ownerOf } from "./ownership-check.ts";

/** What the check looks at beside the Docker engine; replaced in tests. */
export interface Host {
  /** Tries to listen on a port of this machine; returns the error code, or undefined when it is free. */
  readonly tryListen: (address: string, port: number) => Promise<string | undefined>;
  /** Returns the program that listens on a port, as in `nginx (pid 81)`; undefined when that can't be known. */
  readonly listener: (port: number) => Promise<string | undefined>;
}

export interface PortCheck {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Looks whether the ports that the stack publishes are free, on this machine's engine; of a remote one only its own containers' are known.
 *
 * @returns what has to be mended first, and what may go wrong.
 */
export async function checkPorts(config: Config, docker: DockerCommand, host: Host = thisHost): Promise<PortCheck> {
  const local = config.dockerHost === undefined || config.dockerHost.startsWith("unix://");
  const wanted = [
    ...config.bindAddress.flatMap((address) => [
      { path: "httpPort", address, port: config.httpPort },
      { path: "httpsPort", address, port: config.httpsPort },
    ]),
    { path: "app.devServerPort", address: "127.0.0.1", port: config.app.devServerPort },
    { path: "postgres.publishPort", address: "127.0.0.1", port: config.postgres.publishPort },
  ];
  const ports = [...new Set(wanted.flatMap(({ port }) => port ?? []))];
  const listed = await Promise.all(ports.map((port) => docker("ps", "--filter", `publish=${port}`, "--format", `{{.Names}} ${ownerLabels}`)));
  const publishers = new Map(ports.map((port, index) => [port, listed[index].stdout.trim().split("\n")[0].split(" ")]));
  const problems = new Map<string, string>();
  const forbidden = new Map<string, number>();
  for (const { path, address, port } of wanted) {
    if (port === undefined || problems.has(path)) continue;
    const fix = `fix: stop it, or set ${path} to another port`;
    const [container, labels] = publishers.get(port) ?? [""];
    if (container !== "") {
      // Of one that has this stack's own name is told already.
      if (labels !== ownerOf(config) && container !== `${config.prefix}-nginx`)
        problems.set(path, `${path}: port ${port} is held by container ${container}; ${fix}`);
      continue;
    }
    const code = local ? await host.tryListen(address, port) : undefined;
    if (code === "EADDRINUSE") {
      problems.set(path, `${path}: port ${port} on ${address} is held by ${(await host.listener(port)) ?? "another program"}; ${fix}`);
    } else if (code === "EACCES") {
      forbidden.set(path, port);
    } else if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") {
      // Production's default has it: whoever reads this may never have set an address.
      const why =
        address === "::"
          ? "and this machine has no IPv6; fix: set bindAddress to 0.0.0.0"
          : "which isn't an address of this machine; fix: give one that `ip address` lists, or 0.0.0.0";
      problems.set("bindAddress", `bindAddress: got ${address}, ${why}`);
    }
  }
  return { problems: [...problems.values()], warnings: forbidden.size > 0 ? await privilegedPorts(forbidden, docker) : [] };
}

/** An engine that runs as root takes any port; a rootless one takes what its user may, unless its rootlesskit has been given the right. */
async function privilegedPorts(ports: ReadonlyMap<string, number>, docker: DockerCommand): Promise<string[]> {
  const { stdout } = await docker("info", "--format", "{{.SecurityOptions}}");
  if (!stdout.includes("name=rootless")) return [];
  const lowest = Math.min(...ports.values());
  return [...ports].map(
    ([path, port]) =>
      `${path}: rootless Docker can't take port ${port}, unless its rootlesskit has cap_net_bind_service: nginx would not start; fix: as root, sysctl net.ipv4.ip_unprivileged_port_start=${lowest}, or set ${path} to 1024 or more`,
  );
}

/** This machine itself. */
export const thisHost: Host = {
  tryListen: (address, port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      server.listen({ host: address, port, ipv6Only: address === "::", exclusive: true }, () => server.close(() => resolve(undefined)));
    }),
  listener: (port) =>
    new Promise((resolve) => {
      execFile("ss", ["-H", "-ltnp", `sport = :${port}`], { timeout: 5_000 }, (_, stdout) => {
        const holder = /\(\("([^"]+)",pid=(\d+)/.exec(stdout);
        resolve(holder === null ? undefined : `${holder[1]} (pid ${holder[2]})`);
      });
    }),
};
