import { createServer } from "node:net";
import { expect, test } from "vitest";
import type { Config } from "../config.ts";
import { checkPorts, thisHost, type Host, type PortCheck } from "../port-check.ts";
import { fakeDocker } from "./support/fake-docker.ts";

const config = {
  prefix: "movies-prod",
  owner: { name: "movies", stack: "prod", checkout: "aaaaaaaaaaaa" },
  dockerHost: undefined,
  bindAddress: ["127.0.0.1"],
  httpPort: 80,
  httpsPort: 443,
  app: {},
  postgres: {},
} as unknown as Config;
const freeHost: Host = { tryListen: async () => undefined, listener: async () => undefined };
const noContainer: Parameters<typeof fakeDocker>[0] = [[/^ps --filter publish/, ""]];

function check(answers: Parameters<typeof fakeDocker>[0], host: Partial<Host> = {}, change: Partial<Config> = {}): Promise<PortCheck> {
  const { docker } = fakeDocker([...answers, ...noContainer]);
  return checkPorts({ ...config, ...change }, docker, { ...freeHost, ...host });
}

const fine: PortCheck = { problems: [], warnings: [] };
const problem = (text: string): PortCheck => ({ problems: [text], warnings: [] });

test("a port that a container holds is refused with its name, unless that is this stack's own nginx", async () => {
  expect(await check([[/publish=80/, "traefik ||"]])).toEqual(
    problem("httpPort: port 80 is held by container traefik; fix: stop it, or set httpPort to another port"),
  );
  expect(await check([[/publish=/, "movies-prod-nginx movies|prod|aaaaaaaaaaaa"]], { tryListen: async () => "EADDRINUSE" })).toEqual(fine);
});

test("a port that a program holds is refused with the program, where that can be known", async () => {
  const tryListen: Host["tryListen"] = async (_, port) => (port === 443 ? "EADDRINUSE" : undefined);
  expect(await check([], { tryListen, listener: async () => "apache2 (pid 81)" })).toEqual(
    problem("httpsPort: port 443 on 127.0.0.1 is held by apache2 (pid 81); fix: stop it, or set httpsPort to another port"),
  );
  expect(await check([], { tryListen })).toEqual(
    problem("httpsPort: port 443 on 127.0.0.1 is held by another program; fix: stop it, or set httpsPort to another port"),
  );
});

test("ports that development publishes are looked at too, on the loopback address", async () => {
  const tried: string[] = [];
  const tryListen = async (address: string, port: number) => void tried.push(`${address} ${port}`);
  const change = { bindAddress: ["0.0.0.0"], httpsPort: undefined, app: { devServerPort: 8000 }, postgres: { publishPort: 5432 } };
  expect(await check([], { tryListen }, change as unknown as Partial<Config>)).toEqual(fine);
  expect(tried).toEqual(["0.0.0.0 80", "127.0.0.1 8000", "127.0.0.1 5432"]);
});

test("an address that isn't there is refused once", async () => {
  expect(await check([], { tryListen: async () => "EADDRNOTAVAIL" }, { bindAddress: ["10.9.8.7"] })).toEqual(
    problem("bindAddress: got 10.9.8.7, which isn't an address of this machine; fix: give one that `ip address` lists, or 0.0.0.0"),
  );
});

test("all addresses of IPv6, production's default, say so where there is none", async () => {
  const tryListen = async (address: string) => (address === "::" ? "EAFNOSUPPORT" : undefined);
  expect(await check([], { tryListen }, { bindAddress: ["0.0.0.0", "::"] })).toEqual(
    problem("bindAddress: got ::, and this machine has no IPv6; fix: set bindAddress to 0.0.0.0"),
  );
});

test("a remote engine's ports can't be tried from here", async () => {
  expect(await check([], { tryListen: async () => "EADDRINUSE" }, { dockerHost: "ssh://root@server" })).toEqual(fine);
});

test("a port that this user may not take is the engine's affair where that is root, and else a warning, once a port", async () => {
  const tryListen = async () => "EACCES";
  expect(await check([[/^info/, "[name=seccomp,profile=builtin name=cgroupns]\n"]], { tryListen })).toEqual(fine);
  const rootless: Parameters<typeof fakeDocker>[0] = [[/^info --format {{.SecurityOptions}}$/, "[name=seccomp,profile=builtin name=rootless]\n"]];
  expect(await check(rootless, { tryListen }, { bindAddress: ["0.0.0.0", "::"] })).toEqual({
    problems: [],
    warnings: [
      "httpPort: rootless Docker can't take port 80, unless its rootlesskit has cap_net_bind_service: nginx would not start; fix: as root, sysctl net.ipv4.ip_unprivileged_port_start=80, or set httpPort to 1024 or more",
      "httpsPort: rootless Docker can't take port 443, unless its rootlesskit has cap_net_bind_service: nginx would not start; fix: as root, sysctl net.ipv4.ip_unprivileged_port_start=80, or set httpsPort to 1024 or more",
    ],
  });
});

test("this machine's own ports: one that is taken is told from one that is free", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  expect(await thisHost.tryListen("127.0.0.1", port)).toBe("EADDRINUSE");
  await new Promise((resolve) => server.close(resolve));
  expect(await thisHost.tryListen("127.0.0.1", port)).toBeUndefined();
});
