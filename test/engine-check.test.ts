import { describe, expect, test } from "vitest";
import { DockerError } from "../components/docker-engine.ts";
import type { Engine } from "../components/profiles.ts";
import { checkEngine, engineWarnings, type EngineArgs } from "../engine-check.ts";
import { fakeDocker } from "./support/fake-docker.ts";

type Answers = Parameters<typeof fakeDocker>[0];
const usable: Answers = [
  [/^context inspect/, "unix:///var/run/docker.sock\n"],
  [/^version/, "28.2.2|Engine\n"],
];

function check(answers: Answers, change: Partial<EngineArgs> = {}): Promise<Engine | string> {
  const { docker } = fakeDocker([...answers, ...usable]);
  return checkEngine({ docker, dockerHost: undefined, dockerContext: undefined, runner: "pulumi", ipv6ClientAddresses: false, ...change });
}

async function problem(answers: Answers, dockerHost?: string, ipv6ClientAddresses = false): Promise<string | undefined> {
  const engine = await check(answers, { dockerHost, ipv6ClientAddresses });
  return typeof engine === "string" ? engine : undefined;
}

test.each([
  ["28.2.2", "pulumi", "any"],
  ["25.0.0", "pulumi", "any"],
  ["24.0.9", "pulumi", "none"],
  ["20.10.24+dfsg1", "pulumi", "none"],
  ["28.2.2", "compose", "fixed"],
  ["20.10.24+dfsg1", "compose", "none"],
] as const)("engine %s under %s can have an interval for the start: %s", async (version, runner, startInterval) => {
  expect(await check([[/^version/, `${version}\n`]], { runner })).toEqual({ startInterval });
});

describe("the engine", () => {
  test.each([
    [
      "isn't there",
      new DockerError("spawn docker ENOENT", "ENOENT"),
      "Docker Engine: the docker command isn't on PATH; fix: install Docker's command line, or `npm run up`, which does it where it can",
    ],
    [
      "doesn't run",
      new DockerError("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", 1),
      "Docker Engine: doesn't answer (Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?); fix: start it, with systemctl start docker where there is systemd, or set DOCKER_HOST",
    ],
    [
      "may not be used",
      new DockerError("permission denied while trying to connect to the Docker daemon socket", 1),
      "Docker Engine: no permission to use it (permission denied while trying to connect to the Docker daemon socket); fix: sudo usermod -aG docker $USER, then log in again",
    ],
    ["is too old", "19.03.8|Engine\n", "Docker Engine: got version 19.03.8; allowed: 20.10 or newer; fix: upgrade Docker"],
    [
      "is Podman",
      "5.8.6|Podman Engine\n",
      "Docker Engine: got Podman 5.8.6, on which the stack was never run; allowed: Docker Engine 20.10 or newer; fix: install that, and have DOCKER_HOST or the docker context lead to it",
    ],
  ])("%s", async (_, answer, message) => {
    const answers: Answers = [[/^version/, answer]];
    if (answer instanceof DockerError && answer.code === "ENOENT") answers.push([/^context/, answer]);
    expect(await problem(answers)).toBe(message);
  });

  test("is too old for addresses of IPv6", async () => {
    const old: Answers = [[/^version/, "26.1.5+dfsg1\n"]];
    expect(await problem(old)).toBe(undefined);
    expect(await problem(old, undefined, true)).toBe(
      "Docker Engine: got version 26.1.5+dfsg1; allowed: 28.0 or newer with ipv6ClientAddresses; fix: upgrade Docker, or set ipv6ClientAddresses to false",
    );
    expect(await problem([], undefined, true)).toBe(undefined);
  });

  test.each([
    [
      "DOCKER_CONTEXT",
      "DOCKER_CONTEXT: got staging, which Pulumi's provider goes by before docker:host and DOCKER_HOST; fix: unset DOCKER_CONTEXT, and where neither of them is set export DOCKER_HOST=ssh://root@server, or `npm run up`, which does both",
    ],
    [
      "docker:context",
      "docker:context: got staging; only docker:host is known here; fix: remove it from the stack's file, and set docker:host to ssh://root@server there",
    ],
  ] as const)("of a context that %s names to Pulumi's provider is refused, whatever else is said", async (from, message) => {
    const answers: Answers = [[/^context inspect staging /, "ssh://root@server\n"]];
    for (const dockerHost of [undefined, "ssh://root@production"]) {
      expect(await check(answers, { dockerContext: { name: "staging", from }, dockerHost })).toBe(message);
    }
    expect(await check(answers, { dockerContext: { name: "staging", from }, runner: "compose" })).toEqual({ startInterval: "fixed" });
  });

  test("of another docker context is refused, because Pulumi wouldn't follow", async () => {
    const answers: Answers = [[/^context inspect/, "ssh://root@server\n"]];
    expect(await problem(answers)).toBe(
      `Docker Engine: the current docker context leads to ssh://root@server, which Pulumi doesn't follow by itself; fix: export DOCKER_HOST=ssh://root@server, or \`npm run up\`, which does`,
    );
    expect(await problem(answers, "ssh://root@server")).toBe(undefined);
  });

  test.each([
    [
      "ssh://root@server:2222",
      "error during connect: command [ssh -l root] has exited with exit status 255: stderr=root@server: Permission denied (publickey).",
      "can't be reached (root@server: Permission denied (publickey).); fix: see that `ssh -p 2222 root@server docker version` works",
    ],
    [
      "ssh://server",
      "Host key verification failed.",
      "can't be reached (Host key verification failed.); fix: see that `ssh server docker version` works",
    ],
  ])("at %s isn't to be had by ssh", async (dockerHost, answer, message) => {
    expect(await problem([[/^version/, new DockerError(answer, 1)]], dockerHost)).toBe(`Docker Engine at ${dockerHost}: ${message}`);
  });

  test("is named when it is a remote one", async () => {
    expect(await problem([[/^version/, "18.09.0"]], "ssh://root@server")).toContain("Docker Engine at ssh://root@server: got version 18.09.0");
  });
});

describe("the engine takes away", () => {
  const warnings = (portDriver: string, limitsMemory: string) =>
    engineWarnings(
      fakeDocker([
        [/^version --format .*rootlesskit.*PortDriver/, portDriver],
        [/^info --format {{.MemoryLimit}}$/, limitsMemory],
      ]).docker,
    );

  test.each(["", "slirp4netns\n", "implicit\n"])("nothing, with the port driver of rootless Docker %j", async (portDriver) => {
    expect(await warnings(portDriver, "true\n")).toEqual([]);
  });

  test("visitors' addresses, where it is rootless with its default", async () => {
    expect(await warnings("builtin\n", "true\n")).toEqual([
      "Docker Engine: it runs without root, and its port driver builtin has nginx see one address of Docker's for all visitors: limits don't hold a single one, attempts to log in are counted together, and lists of addresses don't tell visitors apart; fix: set DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=slirp4netns for it, which is slower",
    ]);
  });

  test("limits of memory, where it has no cgroups for them", async () => {
    expect(await warnings("", "false\n")).toEqual([
      "Docker Engine: it can't limit memory on its machine, so that app.memory and the others don't count; fix: give it cgroups for memory; the last lines of `docker info` say what is missing",
    ]);
  });
});
