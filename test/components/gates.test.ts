import { describe, expect, test } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { limitProcesses, passGate, removeFailedService, requireHealth, requireSuccess } from "../../components/gates.ts";
import { fakeDocker } from "../support/fake-docker.ts";

describe("requireSuccess", () => {
  test("lets a job pass that ended with 0, and leaves it", async () => {
    const { docker, calls } = fakeDocker([[/^inspect/, "exited 0 false\n"]]);
    await requireSuccess(docker, "job1", "release");
    expect(calls).toEqual(["inspect --format {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} job1"]);
  });

  test.each([
    ["exited 1 false", "release failed with exit code 1"],
    ["exited 124 false", "release didn't end within its time limit"],
    ["exited 137 false", "release didn't end within its time limit"],
    ["exited 137 true", "release ran out of memory"],
    ["created 0 false", "release is created instead of ended"],
  ])("fails on %s, removes the job and shows the last 20 lines of its log", async (state, cause) => {
    const log = Array.from({ length: 25 }, (_, line) => `line ${line + 1}`).join("\n");
    const { docker, calls } = fakeDocker([
      [/^inspect/, state],
      [/^logs --tail 20 job1$/, { stdout: log, stderr: "last\n" }],
      [/^rm --force --volumes job1$/, ""],
    ]);
    const shown = [...Array.from({ length: 19 }, (_, line) => `line ${line + 7}`), "last"].join("\n");
    await expect(requireSuccess(docker, "job1", "release")).rejects.toThrow(`${cause}; what ran before goes on. Its last lines:\n${shown}`);
    expect(calls.at(-1)).toBe("rm --force --volumes job1");
  });
});

describe("passGate", () => {
  const succeeded: Parameters<typeof fakeDocker>[0] = [
    [/^inspect/, "exited 0 false"],
    [/^rm/, ""],
  ];

  test("goes on to what follows, and leaves the job", async () => {
    const { docker, calls } = fakeDocker(succeeded);
    const ids: string[] = [];
    await passGate(docker, "job1", "files", async (_, id) => void ids.push(id));
    expect(ids).toEqual(["job1"]);
    expect(calls.some((call) => call.startsWith("rm"))).toBe(false);
  });

  test("fails with what follows, and removes the job, so that it runs again", async () => {
    const { docker, calls } = fakeDocker(succeeded);
    const refuse = () => Promise.reject(new Error("nginx kept its configuration"));
    await expect(passGate(docker, "job1", "files", refuse)).rejects.toThrow("nginx kept its configuration");
    expect(calls.at(-1)).toBe("rm --force --volumes job1");
  });
});

describe("removeFailedService", () => {
  test("prints the log and removes the container", async () => {
    const { docker, calls } = fakeDocker([
      [
        /^inspect/,
        "running, unhealthy\nTraceback\nConnectionRefusedError: refused\n\nGET /healthz: 404 Not Found; app.healthPath must answer 200\n\n",
      ],
      [/^logs/, { stderr: "boom\n" }],
      [/^rm/, ""],
    ]);
    const printed: string[] = [];
    await removeFailedService(docker, "movies-prod-django-0-1a2b3c4", "goes on", async (message) => void printed.push(message));
    expect(printed).toEqual([
      "movies-prod-django-0-1a2b3c4 didn't become healthy (running, unhealthy; its last health check said: GET /healthz: 404 Not Found; app.healthPath must answer 200); it was removed and what ran before goes on. Its last lines:\nboom",
    ]);
    expect(calls.at(-1)).toBe("rm --force --volumes movies-prod-django-0-1a2b3c4");
  });

  test("says so where the one before had to end first", async () => {
    const { docker } = fakeDocker([
      [/^inspect/, "exited\n"],
      [/^logs/, "no space left\n"],
      [/^rm/, ""],
    ]);
    const printed: string[] = [];
    await removeFailedService(docker, "movies-prod-postgres-1a2b3c4", "is gone", async (message) => void printed.push(message));
    expect(printed).toEqual([
      "movies-prod-postgres-1a2b3c4 didn't become healthy (exited); it was removed, and there is none in its place, for the one before had to end first; fix: put back what was changed, or mend it, and run up again. Its last lines:\nno space left",
    ]);
  });

  test("has nothing to do where no container was made", async () => {
    const { docker } = fakeDocker([[/^inspect/, new DockerError("Error: No such object: x", 1)]]);
    await removeFailedService(docker, "x", "goes on", async () => expect.fail("printed"));
  });

  test("passes on that the engine is gone", async () => {
    const { docker } = fakeDocker([[/^inspect/, new DockerError("Cannot connect to the Docker daemon", 1)]]);
    await expect(removeFailedService(docker, "x", "goes on", async () => {})).rejects.toThrow("Cannot connect");
  });
});

describe("requireHealth", () => {
  test("waits until a service that was started again is healthy", async () => {
    let looks = 0;
    const { docker, calls } = fakeDocker([[/^inspect/, () => (++looks < 3 ? "starting\n" : "healthy\n")]]);
    await requireHealth(docker, "movies-prod-nginx", 60, async () => expect.fail("printed"));
    expect(calls).toEqual(Array.from({ length: 3 }, () => "inspect --format {{.State.Health.Status}} movies-prod-nginx"));
  });

  test("prints its log and removes it where it never is, so that the next up makes it anew", async () => {
    const { docker, calls } = fakeDocker([
      [/^inspect --format {{.State.Health.Status}}/, "unhealthy\n"],
      [/^inspect/, "running, unhealthy\n"],
      [/^logs/, "boom\n"],
      [/^rm/, ""],
    ]);
    const printed: string[] = [];
    await expect(requireHealth(docker, "movies-prod-nginx", 0.1, async (message) => void printed.push(message))).rejects.toThrow(
      "movies-prod-nginx was changed in place or started again, and wasn't healthy after 0.1 seconds",
    );
    expect(printed).toEqual([
      "movies-prod-nginx didn't become healthy (running, unhealthy); it was removed, and the next up makes it anew. Its last lines:\nboom",
    ]);
    expect(calls.at(-1)).toBe("rm --force --volumes movies-prod-nginx");
  });
});

test("limitProcesses gives the container the limit that its label names", async () => {
  const { docker, calls } = fakeDocker([
    [/^inspect --format {{index .Config.Labels "django-stack.processes"}} id1$/, "530\n"],
    [/^update/, ""],
  ]);
  await limitProcesses(docker, "id1");
  expect(calls.at(-1)).toBe("update --pids-limit 530 id1");
});
