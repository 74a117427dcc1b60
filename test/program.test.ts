import { describe, expect, test } from "vitest";
import { bundledFiles, publicText, reveal, type Registration } from "./support/program.ts";
import { program } from "./support/unit.ts";

const container = "docker:index/container:Container";
const serviceNames = (prefix: string) => new RegExp(`^${prefix}-(nginx|postgres|backup|(django|background-[a-z]+)-\\d+)$`);

function containers(registrations: Registration[]) {
  return registrations.filter(({ type }) => type === container).map((registration) => ({ ...registration, inputs: reveal(registration.inputs) }));
}

describe.each(["dev", "prod"] as const)("the whole program for %s", (stack) => {
  const prefix = `django-stack-${stack}`;
  const background = { clock: { command: ["python", "manage.py", "tick"], alone: true }, tasks: { command: ["python", "manage.py", "work"] } };
  const declare = () => program(stack, { superuser: { username: "admin", email: "admin@example.com" }, background });
  let declared: ReturnType<typeof declare> | undefined;
  const run = () => (declared ??= declare());

  test("registers each resource under a name of its own that begins with the stack's", async () => {
    const { registrations } = await run();
    const names = registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack").map(({ type, name }) => `${type} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type } of registrations) if (type !== "pulumi:pulumi:Stack") expect(name.startsWith(prefix)).toBe(true);
  });

  test("gives every child a parent whose name its own begins with", async () => {
    const { registrations } = await run();
    for (const { type, name, parent } of registrations) {
      if (type === "pulumi:pulumi:Stack" || type.startsWith("django-stack:") || name === `${prefix}-nginx-image`) continue;
      expect({ name, parentType: parent.split("::")[2] }).toEqual({ name, parentType: expect.stringMatching(/django-stack:index:\w+$/) });
      expect(name.startsWith(parent.split("::")[3])).toBe(true);
    }
  });

  test("says for every container whether it may be deleted before it is replaced", async () => {
    for (const { name, deleteBeforeReplace, inputs } of containers((await run()).registrations)) {
      const neverTwice = ["postgres", "backup", "background-clock-0"].map((service) => `${prefix}-${service}`);
      expect([name, deleteBeforeReplace]).toEqual([name, neverTwice.includes(name) || (inputs.ports ?? []).length > 0]);
    }
  });

  test("gives what may take longer than the provider's 20 minutes its own time", async () => {
    const { registrations } = await run();
    const given = registrations.filter(({ timeouts }) => timeouts.create !== "" || timeouts.delete !== "");
    const replicas = stack === "dev" ? 1 : 2;
    expect(given.map(({ name, timeouts }) => [name, timeouts.create, timeouts.delete]).sort()).toEqual([
      ...["clock", "tasks"].map((process) => [`${prefix}-background-${process}-0`, "", "630s"]),
      ...Array.from({ length: replicas }, (_, index) => [`${prefix}-django-${index}`, "690s", "643s"]),
      [`${prefix}-django-release`, "1500s", ""],
    ]);
  });

  test("lets services run without root, bounded, watched and restarted", async () => {
    const services = containers((await run()).registrations).filter(({ name }) => serviceNames(prefix).test(name));
    expect(services.length).toBe(stack === "dev" ? 5 : 7);
    for (const { name, inputs, onError, afterCreate } of services) {
      expect({ name, ...inputs }).toMatchObject({
        readOnly: true,
        init: true,
        restart: "unless-stopped",
        capabilities: { drops: ["ALL"] },
        securityOpts: ["no-new-privileges:true"],
        wait: true,
        logDriver: "json-file",
        logOpts: { "max-size": "10m", "max-file": "3" },
      });
      expect(inputs.capabilities.adds).toBeUndefined();
      expect(inputs.privileged).toBeUndefined();
      expect(inputs.memory).toBeGreaterThan(0);
      expect(inputs.memorySwap).toBe(inputs.memory);
      expect(inputs.cpuQuota).toBeGreaterThan(0);
      // Docker refuses more of these than the host has.
      expect(inputs.cpus).toBeUndefined();
      expect(inputs.destroyGraceSeconds).toBeGreaterThan(0);
      expect(inputs.waitTimeout).toBeGreaterThan(0);
      expect(inputs.healthcheck.tests[0]).toBe("CMD");
      expect(inputs.ulimits.map(({ name: limit }: { name: string }) => limit)).toEqual(["nofile", "nproc"]);
      expect(inputs.ulimits[0].hard).toBeLessThanOrEqual(16384);
      expect([afterCreate, onError]).toEqual([[`${name}-processes`], [`${name}-gate`]]);
      const processes = Number(inputs.labels.find(({ label }: { label: string }) => label === "django-stack.processes").value);
      expect(inputs.ulimits[1]).toEqual({ name: "nproc", soft: 4 * processes, hard: 4 * processes });
      if (stack === "prod") expect(inputs.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    }
    // The one that makes backups is the database's own user.
    const users = services.filter(({ name }) => !/-((django|background-[a-z]+)-\d+|backup)$/.test(name)).map(({ inputs }) => inputs.user);
    expect(new Set(users).size).toBe(users.length);
  });

  test("has an engine that can look at a starting service each half second and at others each ten, and replaces the service for it", async () => {
    const checksOf = ({ registrations }: Awaited<ReturnType<typeof declare>>) =>
      containers(registrations)
        .filter(({ name }) => serviceNames(prefix).test(name))
        .map(({ name, inputs }) => ({
          name,
          intervals: [inputs.healthcheck.interval, inputs.healthcheck.startInterval],
          settings: inputs.labels.find(({ label }: { label: string }) => label === "django-stack.settings").value,
        }));
    const old = checksOf(await run());
    const recent = checksOf(await program(stack, { background }, { engine: { startInterval: "any" } }));
    const composed = checksOf(await program(stack, { background }, { engine: { startInterval: "fixed" } }));
    expect(recent.map(({ name }) => name).sort()).toEqual(old.map(({ name }) => name).sort());
    const once = { nginx: "1.7s", postgres: "1.7s", backup: "5.7s", background: "2.7s", "django-": "2.7s" };
    for (const { name, intervals } of old)
      expect(intervals).toEqual([Object.entries(once).find(([component]) => name.includes(component))?.[1], undefined]);
    for (const { intervals } of recent) expect(intervals).toEqual(["10s", "500ms"]);
    for (const { intervals } of composed) expect(intervals).toEqual(["10s", undefined]);
    for (const { name } of old)
      expect(new Set([old, recent, composed].map((services) => services.find((service) => service.name === name)?.settings)).size).toBe(3);
  });

  test("lets jobs run once, gated, with named capabilities, and on no network but the release's", async () => {
    const jobs = containers((await run()).registrations).filter(({ name }) => !serviceNames(prefix).test(name));
    expect(jobs.map(({ name }) => name.slice(prefix.length + 1)).sort()).toEqual([
      ...(stack === "prod" ? ["backup-files-job", "backup-permissions"] : []),
      "django-files-job", "django-release", "django-release-permissions", "nginx-files-job", "postgres-files-job", "postgres-roles", "postgres-trial",
    ]); // prettier-ignore
    for (const { name, inputs, afterCreate } of jobs) {
      expect({ name, ...inputs }).toMatchObject({
        attach: true,
        mustRun: false,
        logs: true,
        restart: "no",
        init: true,
        securityOpts: ["no-new-privileges:true"],
      });
      expect(inputs.capabilities.drops).toEqual(["ALL"]);
      expect(inputs.ports).toBeUndefined();
      expect(inputs.wait).toBeUndefined();
      expect(afterCreate).toEqual([`${name}-gate`]);
      if (name.endsWith("-release")) expect(inputs.networksAdvanced).toEqual([{ name: `${prefix}-db` }]);
      else expect(inputs.networkMode).toBe("none");
      const limited = name.endsWith("-release")
        ? inputs.envs.some((line: string) => line.startsWith("RELEASE_TIMEOUT_SECONDS="))
        : inputs.entrypoints[0] === "timeout";
      expect([name, limited]).toEqual([name, true]);
    }
  });

  test("has something mounted where Postgres' image declares a volume, so that no run leaves one without a name", async () => {
    const own = containers((await run()).registrations).filter(({ name }) => /^-(postgres|backup)(-|$)/.test(name.slice(prefix.length)));
    expect(own.length).toBe(stack === "dev" ? 4 : 7);
    for (const { name, inputs } of own) {
      const places = [...Object.keys(inputs.tmpfs ?? {}), ...(inputs.mounts ?? []).map(({ target }: { target: string }) => target)];
      expect([name, places]).toEqual([name, expect.arrayContaining(["/var/lib/postgresql"])]);
    }
  });

  test("keeps every secret inside secret inputs", async () => {
    const { registrations } = await run();
    const secret = /secretdjangostack\w+|key of django-stack/;
    const holders = registrations
      .filter(({ inputs }) => secret.test(JSON.stringify(reveal(inputs))))
      .map(({ name }) => name.slice(prefix.length + 1));
    expect(holders.sort()).toEqual([
      ...(stack === "prod" ? ["backup-files-job"] : []),
      ...(stack === "prod" ? ["certificate-authority", "certificate-leaf", "certificate-request"] : []), "django-files-job",
      ...(stack === "prod" ? ["nginx-files-job"] : []), "postgres-files-job", "postgres-roles",
    ]); // prettier-ignore
    for (const { name, inputs } of registrations) {
      expect([name, secret.exec(publicText(inputs))?.[0]]).toEqual([name, undefined]);
      const { uploads: _uploads, privateKeyPem: _own, caPrivateKeyPem: _authority, ...others } = reveal(inputs);
      expect([name, secret.exec(JSON.stringify(others))?.[0]]).toEqual([name, undefined]);
    }
  });

  test("mounts no path of the host but the development server's source, and never the engine's socket", async () => {
    for (const { name, inputs } of containers((await run()).registrations)) {
      const binds = (inputs.mounts ?? []).filter(({ type }: { type: string }) => type !== "volume");
      const expected = stack === "dev" && /-(django-(0|release)|background-[a-z]+-0)$/.test(name) ? ["/srv/app"] : [];
      expect([name, binds.map(({ target }: { target: string }) => target)]).toEqual([name, expected]);
      expect(JSON.stringify(inputs)).not.toContain("docker.sock");
    }
  });

  test("declares nothing that the provider refuses: files, words of a command and links to images without content", async () => {
    const { registrations } = await program(stack, { background, secretEnv: { SENTRY_DSN: "" } });
    for (const { name, inputs } of containers(registrations)) {
      for (const { file, content } of inputs.uploads ?? []) expect([name, file, content === ""]).toEqual([name, file, false]);
      expect([name, [...(inputs.command ?? []), ...(inputs.entrypoints ?? [])].filter((word: string) => word === "")]).toEqual([name, []]);
      expect([name, inputs.image === ""]).toEqual([name, false]);
    }
    expect(bundledFiles(containers(registrations).find(({ name }) => name === `${prefix}-django-files-job`)?.inputs).SENTRY_DSN).toBe("");
  });

  test("labels containers and networks with whose they are, and data volumes with nothing", async () => {
    const { registrations } = await run();
    for (const { type, name, inputs } of registrations) {
      const labels = Object.fromEntries((reveal(inputs).labels ?? []).map(({ label, value }: { label: string; value: string }) => [label, value]));
      if (type === container || type.endsWith(":Network")) {
        expect({ name, ...labels }).toMatchObject({
          "django-stack.name": "django-stack",
          "django-stack.stack": stack,
          "django-stack.checkout": expect.stringMatching(/^[0-9a-f]{12}$/),
        });
      }
      if (/-(data|backups|acme-state)$/.test(name)) expect(inputs).toEqual({ name });
    }
  });

  test("is the same twice", async () => {
    const [first, second] = [await declare(), await declare()];
    const sorted = (registrations: Registration[]) =>
      registrations.map(({ name, type, inputs }) => JSON.stringify([type, name, reveal(inputs)])).sort();
    expect(sorted(second.registrations)).toEqual(sorted(first.registrations));
  });
});

test("prod publishes nginx alone", async () => {
  const published = containers((await program("prod")).registrations).filter(({ inputs }) => (inputs.ports ?? []).length > 0);
  expect(published.map(({ name, inputs }) => [name, inputs.ports.filter(({ ip }: { ip: string }) => ip === "0.0.0.0")])).toEqual([
    ["django-stack-prod-nginx", [{ internal: 8080, external: 80, ip: "0.0.0.0" }, { internal: 8443, external: 443, ip: "0.0.0.0" }]],
  ]); // prettier-ignore
});

test("dev publishes on 127.0.0.1 alone", async () => {
  const published = containers((await program("dev")).registrations).flatMap(({ name, inputs }) =>
    (inputs.ports ?? []).map((port: object) => ({ name, ...port })),
  );
  expect(published.sort((a: any, b: any) => a.external - b.external)).toEqual([
    { name: "django-stack-dev-postgres", internal: 5432, external: 5432, ip: "127.0.0.1" },
    { name: "django-stack-dev-django-0", internal: 9000, external: 8000, ip: "127.0.0.1" },
    { name: "django-stack-dev-nginx", internal: 8080, external: 8080, ip: "127.0.0.1" },
  ]);
});

test("prod keeps Postgres on the internal network alone, and nginx away from it", async () => {
  const { registrations } = await program("prod");
  const networks = Object.fromEntries(
    registrations.filter(({ type }) => type.endsWith(":Network")).map(({ name, inputs }) => [name, inputs.internal]),
  );
  expect(networks).toEqual({ "django-stack-prod-edge": false, "django-stack-prod-app": false, "django-stack-prod-db": true });
  const of = (name: string) =>
    containers(registrations)
      .find((candidate) => candidate.name === name)
      ?.inputs.networksAdvanced.map((network: { name: string }) => network.name);
  expect(of("django-stack-prod-postgres")).toEqual(["django-stack-prod-db"]);
  expect(of("django-stack-prod-nginx")).toEqual(["django-stack-prod-edge", "django-stack-prod-app"]);
  expect(of("django-stack-prod-django-0")).toEqual(["django-stack-prod-app", "django-stack-prod-db"]);
});

test("prod protects and keeps the data volumes, dev doesn't", async () => {
  const kept = async (stack: "dev" | "prod") =>
    (await program(stack)).registrations.filter(({ type }) => type.endsWith(":Volume")).map(({ name, protect, retainOnDelete }) => [name.replace(`django-stack-${stack}-`, ""), protect, retainOnDelete]).sort(); // prettier-ignore
  expect(await kept("prod")).toEqual([
    ["acme-state", true, true], ["backup-files", false, false], ["backup-work", false, false], ["backups", true, true], ["cache", false, false], ["django-files", false, false], ["media-data", true, true], ["nginx-files", false, false], ["owner", false, true],
    ["postgres-18-data", true, true], ["postgres-files", false, false], ["postgres-socket", false, false], ["static-data", false, false], ["temporary", false, false],
  ]); // prettier-ignore
  for (const [, protect, retain] of await kept("dev")) expect([protect, retain]).toEqual([false, false]);
});

test("no setting changes a data volume's inputs, which would replace it", async () => {
  const configs = [
    {},
    { protectData: "false" },
    { domain: "movies.org", aliases: ["www.movies.org"], tls: { mode: "acme" } },
    { backup: { enabled: false } },
    { backup: { target: "/mnt/backups" } },
    { postgres: { upgradeFrom: 17, memory: "4g", maxConnections: 200 } },
    { app: { replicas: 4 }, secrets: { databasePasswordVersion: 7, secretKeyVersion: 7 }, cache: { enabled: true }, privateMedia: "private" },
  ];
  for (const config of configs) {
    const { registrations } = await program("prod", config);
    for (const role of ["postgres-18-data", "media-data", "backups", "acme-state"]) {
      const name = `django-stack-prod-${role}`;
      const volume = registrations.find((candidate) => candidate.name === name);
      expect([volume?.inputs, volume?.protect]).toEqual([{ name }, config.protectData !== "false"]);
    }
  }
});

describe("a setting that the provider changes in words only", () => {
  const settingsLabel = async (config: Record<string, unknown>, name: string) =>
    containers((await program("prod", config)).registrations)
      .find((candidate) => candidate.name === name)
      ?.inputs.labels.find(({ label }: { label: string }) => label === "django-stack.settings").value;

  test.each([
    ["health check", { app: { healthPath: "/other" } }, "django-stack-prod-django-0"],
    ["cpus", { app: { cpus: 2, workers: 3 } }, "django-stack-prod-django-0"],
    ["cpus of nginx", { nginx: { cpus: 2 } }, "django-stack-prod-nginx"],
  ])("%s: changes a label, which replaces the container", async (_, config, name) => {
    expect(await settingsLabel(config, name)).not.toBe(await settingsLabel({}, name));
  });
});

test("nginx's published ports are in a label, which replaces it: a refresh finds those of several addresses in another order", async () => {
  const { registrations } = await program("prod", { bindAddress: ["0.0.0.0", "::1"], httpsPort: 8443 });
  const nginx = registrations.find(({ name, type }) => name === "django-stack-prod-nginx" && type === container);
  expect(nginx?.ignoreChanges).toEqual(["ports"]);
  expect(nginx?.inputs.labels).toContainEqual({
    label: "django-stack.ports",
    value: "0.0.0.0:80->8080, 0.0.0.0:8443->8443, [::1]:80->8080, [::1]:8443->8443",
  });
  const several = containers(registrations).filter(({ inputs }) => new Set(inputs.ports?.map(({ ip }: any) => ip)).size > 1);
  expect(several.map(({ name }) => name)).toEqual(["django-stack-prod-nginx"]);
});

test("a password version counted up changes the roles and the replicas, and nothing else of Postgres", async () => {
  const of = async (version: number) => {
    const { registrations } = await program("prod", { secrets: { databasePasswordVersion: version } });
    return new Map(registrations.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(reveal(inputs))]));
  };
  const [first, second] = [await of(1), await of(2)];
  const changed = [...second]
    .filter(([key, inputs]) => first.get(key) !== inputs)
    .map(([key]) => key.split(" ")[1].replace("django-stack-prod-", ""));
  expect(changed.sort()).toEqual(["database-password-2", "django-0", "django-1", "django-files-job", "django-release", "postgres-roles"]);
  expect([...first.keys()].filter((key) => !second.has(key))).toEqual([
    "random:index/randomPassword:RandomPassword django-stack-prod-database-password-0",
  ]);
});
