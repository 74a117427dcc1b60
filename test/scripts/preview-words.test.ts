import { describe, expect, test } from "vitest";
import { diagnosticsOf, explainPreview, listChanges } from "../../scripts/preview-words.mjs";

const urn = (type: string, name: string) => `urn:pulumi:prod::django-stack::django-stack:index:Django$${type}::${name}`;
const container = (op: string, name: string) => ({ op, urn: urn("docker:index/container:Container", `movies-prod-${name}`) });
const background = (op: string, name: string) => ({
  op,
  urn: `urn:pulumi:prod::django-stack::django-stack:index:Background$docker:index/container:Container::movies-prod-background-${name}`,
});
const volume = (op: string, name: string) => ({ op, urn: urn("docker:index/volume:Volume", `movies-prod-${name}`) });
const image = (op: string) => ({ op, urn: urn("docker:index/image:Image", "movies-prod-django") });
const same = container("same", "nginx");

describe("explainPreview", () => {
  test.each([
    ["nothing", [same, { op: "same", urn: urn("pulumi:pulumi:Stack", "x") }], ["changes nothing"]],
    ["a fresh stack", [container("create", "nginx"), container("create", "django-0"), volume("create", "media-data")], ["makes the whole stack"]],
    [
      "new code",
      [
        same,
        image("update"),
        container("replace", "django-release"),
        ...["create-replacement", "replace", "delete-replaced"].map((op) => container(op, "django-0")),
        container("replace", "nginx-files-job"),
      ],
      [
        "rolls the app: new replicas start beside the old ones, no interruption",
        "runs the release job: migrations and static files",
        "reloads nginx, no interruption",
        "builds the app's image",
      ],
    ],
    [
      "another major version of Postgres",
      [
        same,
        container("create", "postgres-upgrade"),
        container("replace", "postgres"),
        container("replace", "postgres-roles"),
        container("replace", "backup"),
      ],
      [
        "moves the database to another major version: it can be read and not written to meanwhile",
        "restarts the database: requests that need it wait or fail for some seconds",
        "brings the database's roles and passwords up to date",
        "restarts what makes backups",
      ],
    ],
    ["backups that would be lost", [same, volume("delete", "backups")], ["touches data: movies-prod-backups would be removed"]],
    ["a setting of nginx", [same, container("replace", "nginx-files-job")], ["reloads nginx, no interruption"]],
    [
      "nginx's ports",
      [container("replace", "nginx"), container("same", "django-0")],
      ["replaces nginx: connections are refused for up to 3 seconds"],
    ],
    [
      "Postgres",
      [container("replace", "postgres"), same, container("replace", "postgres-roles")],
      ["restarts the database: requests that need it wait or fail for some seconds", "brings the database's roles and passwords up to date"],
    ],
    [
      "background processes",
      [
        same,
        background("create-replacement", "task-queue-0"),
        background("delete-replaced", "task-queue-0"),
        background("create", "x-django-0"),
        background("delete", "clock-0"),
      ],
      ["ends background processes: clock", "adds background processes: x-django", "replaces background processes: task-queue"],
    ],
    ["more replicas", [same, container("create", "django-2"), container("create", "django-3")], ["adds 2 replicas"]],
    ["a replica less", [same, container("delete", "django-1")], ["removes 1 replica after nginx has left them, no interruption"]],
    [
      "memory, or a service that stands still",
      [same, container("update", "django-0"), background("update", "clock-0"), container("replace", "nginx-files-job")],
      [
        "changes movies-prod-django-0, movies-prod-background-clock-0 in place, or starts what stands still: no interruption",
        "reloads nginx, no interruption",
      ],
    ],
    [
      "a volume with data, first of all",
      [same, container("replace", "nginx"), volume("replace", "postgres-18-data")],
      ["touches data: movies-prod-postgres-18-data would be removed", "replaces nginx: connections are refused for up to 3 seconds"],
    ],
    [
      "a network",
      [same, { op: "replace", urn: urn("docker:index/network:Network", "movies-prod-app") }],
      ["replaces networks (movies-prod-app): every container is made again, the site is away meanwhile"],
    ],
    [
      "the network that only nginx is on",
      [
        same,
        { op: "replace", urn: urn("docker:index/network:Network", "movies-prod-edge") },
        { op: "replace", urn: urn("docker:index/container:Container", "movies-prod-nginx") },
      ],
      [
        "replaces nginx: connections are refused for up to 3 seconds",
        "replaces the network behind the published ports, and nginx with it: connections are refused for some seconds",
      ],
    ],
    [
      "something else",
      [same, { op: "update", urn: urn("random:index/randomPassword:RandomPassword", "movies-prod-x") }],
      ["changes nothing that a visitor could notice"],
    ],
  ])("%s", (_, steps, expected) => {
    expect(explainPreview({ steps })).toEqual(expected);
  });
});

test("listChanges names each change and what differs, and leaves components out", () => {
  const steps = [
    same,
    { op: "create", urn: urn("pulumi:pulumi:Stack", "django-stack-prod") },
    { op: "create", urn: urn("django-stack:index:AppImage", "movies-prod-django") },
    { ...container("replace", "django-0"), detailedDiff: { image: {}, "labels[3]": {} } },
    { ...image("update"), diffReasons: ["build"] },
  ];
  expect(listChanges({ steps })).toEqual([
    "replace            Container          movies-prod-django-0  [image, labels[3]]",
    "update             Image              movies-prod-django  [build]",
  ]);
});

test("diagnosticsOf gives what was told of a severity", () => {
  const diagnostics = [
    { severity: "warning", message: "warning: the certificate ends on 2026-12-01\n" },
    { severity: "error", message: "error: config has 1 problem:\n  app.replicas: got 0\n" },
  ];
  expect(diagnosticsOf({ diagnostics }, "warning")).toEqual(["the certificate ends on 2026-12-01"]);
  expect(diagnosticsOf({ diagnostics }, "error")).toEqual(["config has 1 problem:\n  app.replicas: got 0"]);
  expect(diagnosticsOf({}, "error")).toEqual([]);
});
