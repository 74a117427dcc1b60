import { describe, expect, test, vi } from "vitest";
import { engineVersionFormat } from "../scripts/setup/engine-version.mjs";
import { dockerOnPath, emptyEngine, type DockerAnswers } from "./support/docker-on-path.ts";
import { runProgramProcess, type ProgramProcessArgs } from "./support/program-process.ts";
import { echo, publicText, reveal, type Create, type Registration } from "./support/program.ts";
import { dev, prod, program } from "./support/unit.ts";

// Each test starts the program anew, up to twice, beside the other files' tests.
vi.setConfig({ testTimeout: 120_000 });

/** An engine far away, or ports that nobody has: whoever runs this may have a site on the usual ones. Above 32767 any connection may have one. */
const host = {
  dev: {
    "docker:host": "unix:///var/run/docker.sock",
    httpPort: "28080",
    app: { ...dev.app, devServerPort: 28000 },
    postgres: { publishPort: 25432 },
  },
  prod: { "docker:host": "ssh://root@server" },
};
const superuser = { superuser: { username: "admin", email: "admin@example.com" } };
const sameHost =
  "backup.target: the backups are on the same Docker host as the data, and are lost with it; set it to sftp:user@host:/path or s3:https://host/bucket";

/** Runs the program by Pulumi's own runner, on an engine that answers from a table. */
function run(stack: "dev" | "prod", args: Partial<ProgramProcessArgs> = {}, engine: DockerAnswers = emptyEngine) {
  return runProgramProcess({
    stack,
    create: echo,
    path: dockerOnPath(engine),
    ...args,
    config: { ...(stack === "dev" ? dev : prod), ...host[stack], ...args.config },
  });
}

const sorted = (registrations: readonly Registration[]) =>
  registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack").sort((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1));

/** Without what mocks and Pulumi write apart: the stack's name in URNs, and how much around a secret is taken for one. */
const comparable = (registrations: readonly Registration[]) =>
  sorted(registrations).map(({ parent, dependencies, inputs, ...registration }) => ({
    ...registration,
    inputs: reveal(inputs),
    parent: shortUrn(parent),
    dependencies: dependencies.map(shortUrn).sort(),
  }));
const shortUrn = (urn: string) =>
  urn === "" || urn.includes("pulumi:pulumi:Stack") ? "the stack" : `${urn.split("::")[2].split("$").at(-1)} ${urn.split("::").at(-1)}`;

describe.each(["dev", "prod"] as const)("the program for %s, run as Pulumi runs it", (stack) => {
  test("registers and exports what it does under mocks, and says no more than it should", async () => {
    const real = await run(stack, { config: superuser });
    // The engine of the table is a recent one.
    const mocked = await program(stack, { ...host[stack], ...superuser }, { engine: { startInterval: "any" } });
    expect([real.exitCode, real.printed, real.failure]).toEqual([0, "", undefined]);
    expect(real.messages).toEqual(stack === "dev" ? [] : [{ severity: "warning", text: sameHost }]);
    expect(comparable(real.registrations)).toEqual(comparable(mocked.registrations));
    expect(real.outputs).toEqual(JSON.parse(JSON.stringify(mocked.outputs)));
  });

  test("registers the same resources in a preview, where nothing that Pulumi makes is known yet", async () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const preview = await run(stack, {
      config: superuser,
      preview: true,
      create: async (registration, hooks) => {
        const { state } = await echo(registration, hooks);
        const made = Object.keys(state).filter((key) => !(key in registration.inputs));
        return { id: "", state: { ...state, ...Object.fromEntries(made.map((key) => [key, unknown])) } };
      },
    });
    const up = await run(stack, { config: superuser });
    expect([preview.exitCode, preview.printed, preview.messages]).toEqual([0, "", up.messages]);
    const options = ({ inputs: _inputs, ...registration }: ReturnType<typeof comparable>[number]) => registration;
    expect(comparable(preview.registrations).map(options)).toEqual(comparable(up.registrations).map(options));
    expect(Object.keys(preview.outputs)).toEqual(Object.keys(up.outputs));
  });
});

test("sends every secret as a secret", async () => {
  const { registrations } = await run("prod", { config: superuser });
  const secret = /secretdjangostack\w+|key of django-stack/;
  expect(registrations.filter(({ inputs }) => secret.test(JSON.stringify(reveal(inputs)))).length).toBeGreaterThan(5);
  for (const { name, inputs } of registrations) expect([name, secret.exec(publicText(inputs))?.[0]]).toEqual([name, undefined]);
});

describe("what keeps the program from starting is told in words, with nothing of the program's inside, and nothing is registered", () => {
  const only = ({ registrations }: { registrations: readonly Registration[] }) => registrations.map(({ type }) => type);

  test("config", async () => {
    const refused = await run("prod", { config: { httpPort: "70000" } });
    expect(refused.messages).toEqual([
      {
        severity: "error",
        text: 'config of stack prod (Pulumi.prod.yaml) has 1 problem; nothing was touched:\n  httpPort: got "70000"; allowed: a port from 1 to 65535',
      },
    ]);
    expect([refused.exitCode, refused.printed, only(refused)]).toEqual([32, "", ["pulumi:pulumi:Stack"]]);
  });

  test("the Docker host", async () => {
    const refused = await run("prod", {}, []);
    expect(refused.messages).toEqual([
      {
        severity: "error",
        text: `the Docker host can't take stack prod; nothing was touched:\n  Docker Engine at ssh://root@server: can't be reached (no answer for: version --format ${engineVersionFormat}); fix: see that \`ssh root@server docker version\` works`,
      },
    ]);
    expect([refused.exitCode, refused.printed, only(refused)]).toEqual([32, "", ["pulumi:pulumi:Stack"]]);
  });
});

describe("a hook that Pulumi calls", () => {
  const release = "django-stack-prod-django-release";
  const replica = "django-stack-prod-django-0";

  test("fails `up` with the log of a job that failed, and what waits for the job is never registered", async () => {
    const engine: DockerAnswers = [["inspect *", "echo exited 3 false"], ["logs *", "echo no such table: movies"], ["rm *", ":"], ...emptyEngine];
    const create: Create = async (registration, hooks) => {
      const made = await echo(registration, hooks);
      if (registration.name === release && registration.type.endsWith(":Container")) {
        expect(registration.afterCreate).toEqual([`${release}-gate`]);
        await hooks.get(`${release}-gate`)?.({ id: made.id, newInputs: registration.inputs, newOutputs: made.state });
      }
      return made;
    };
    const failed = await run("prod", { create }, engine);
    expect(failed.failure?.message).toBe(`${release} failed with exit code 3; what ran before goes on. Its last lines:\nno such table: movies`);
    expect(failed.messages.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(failed.registrations.map(({ name }) => name)).not.toContain(replica);
  });

  test("tells why a service never became healthy before it answers, and asks for no other try", async () => {
    const engine: DockerAnswers = [
      ["inspect *", "echo running, unhealthy"],
      ["logs *", "echo no module named movies"],
      ["rm *", ":"],
      ...emptyEngine,
    ];
    let answered: unknown;
    const create: Create = async (registration, hooks) => {
      if (registration.name !== replica) return echo(registration, hooks);
      const newInputs = { ...registration.inputs, name: `${replica}-abc1234` };
      answered = await hooks.get(`${replica}-gate`)?.({ newInputs, failedOperation: "create", errors: ["unhealthy"] });
      throw new Error("container is unhealthy");
    };
    const failed = await run("prod", { create }, engine);
    expect([failed.failure?.message, answered]).toEqual(["container is unhealthy", false]);
    expect(failed.messages.filter(({ severity }) => severity === "error")).toEqual([
      {
        severity: "error",
        text: `${replica}-abc1234 didn't become healthy (running, unhealthy); it was removed and what ran before goes on. Its last lines:\nno module named movies`,
      },
    ]);
  });
});
