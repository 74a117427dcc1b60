import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Client } from "../support/client.ts";
import { docker, png } from "../support/site.ts";
import type { MakeStack } from "../support/stack-driver.ts";

/** What development has to do, whoever runs the program. */
export function devBehaviour(name: string, makeStack: MakeStack): void {
  const project = join(tmpdir(), `${name}-dev-${process.pid}`, "django");

  const stack = makeStack("dev", {
    environment: "dev",
    name,
    httpPort: "18081",
    app: { context: project, target: "development", devServerPort: 18000 },
    postgres: { publishPort: 15432, extensions: ["pg_stat_statements"] },
    superuser: { username: "admin", email: "admin@example.com" },
  });
  const django = () =>
    docker(
      "ps",
      "--quiet",
      "--filter",
      `label=django-stack.name=${name}`,
      "--filter",
      "label=django-stack.stack=dev",
      "--filter",
      "label=django-stack.component=django",
    ).trim();

  let outputs: Record<string, any>;
  const throughNginx = () => new Client({ url: outputs.url });
  const direct = () => new Client({ url: outputs.devServerUrl });

  beforeAll(async () => {
    cpSync(join(import.meta.dirname, "../../django"), project, { recursive: true });
    await stack.sweep();
    ({ outputs } = await stack.up());
  });

  afterAll(async () => {
    await stack.sweep();
    stack.dispose();
    rmSync(dirname(project), { recursive: true });
  });

  test("answers through nginx and directly, with static files from runserver", async () => {
    expect([outputs.url, outputs.devServerUrl]).toEqual(["http://localhost:18081", "http://localhost:18000"]);
    for (const client of [throughNginx(), direct()]) {
      expect((await client.request("/")).text).toContain("<h1>Movies</h1>");
      expect((await client.request("/static/movies/site.css")).body).toEqual(readFileSync(join(project, "movies/static/movies/site.css")));
      const login = await client.login("admin", outputs.superuserPassword);
      expect([login.status, login.headers.location]).toEqual([302, "/admin/"]);
    }
  });

  test("serves uploads from the volume, whichever way they came", async () => {
    const client = direct();
    await client.login("admin", outputs.superuserPassword);
    const created = await client.postForm(
      "/api/movies/",
      { title: "Dev", year: "2001" },
      { poster: { name: "dev.png", type: "image/png", content: png } },
    );
    expect(created.status).toBe(201);
    const path = new URL(JSON.parse(created.text).poster).pathname;
    expect((await throughNginx().request(path)).body).toEqual(png);
    expect((await direct().request(path)).body).toEqual(png);
  });

  test("reloads when the source changes, with no up", async () => {
    const template = join(project, "config/health.py");
    const before = readFileSync(template, "utf8");
    onTestFinished(() => writeFileSync(template, before));
    writeFileSync(template, before.replaceAll('HttpResponse("ok\\n"', 'HttpResponse("edited\\n"'));
    let text = "";
    for (let attempt = 0; attempt < 60 && text !== "edited\n"; attempt++) {
      await sleep(500);
      text = (
        await direct()
          .request("/healthz")
          .catch(() => ({ text: "" }))
      ).text;
    }
    expect(text).toBe("edited\n");
  });

  /** Without that of the image: its provider compares the source, which isn't in it. */
  const up = async () => (await stack.up()).operations.filter((operation) => operation !== `update docker:index/image:Image ${name}-dev-django`);

  test("an edit of the source changes nothing of the stack, a new migration runs the release job alone", async () => {
    writeFileSync(join(project, "movies/views.py"), `${readFileSync(join(project, "movies/views.py"), "utf8")}\n# edited\n`);
    expect(await up()).toEqual([]);
    const models = join(project, "movies/models.py");
    writeFileSync(models, readFileSync(models, "utf8").replace("    created_at =", "    stars = models.IntegerField(default=0)\n    created_at ="));
    const manage = outputs.commands.manage.replace("exec -it", "exec");
    execFileSync("sh", ["-c", `${manage} makemigrations movies --name stars`]);
    const migration = join(project, "movies/migrations/0002_stars.py");
    expect(existsSync(migration)).toBe(true);
    const owner = statSync(project);
    expect([statSync(migration).uid, statSync(migration).gid]).toEqual([owner.uid, owner.gid]);
    const operations = await up();
    const release = ["create", "delete"].map((verb) => `${verb} docker:index/container:Container ${name}-dev-django-release`);
    expect(operations.sort()).toEqual(stack.replacesDependents === true ? expect.arrayContaining(release) : release);
    expect(execFileSync("sh", ["-c", `${manage} showmigrations movies`], { encoding: "utf8" })).toContain("[X] 0002_stars");
  });

  test("runs Django's own tests against Postgres, in a database that has the stack's extensions", () => {
    const extension = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'";
    writeFileSync(
      join(project, "movies/test_extension.py"),
      `from django.db import connection
from django.test import TestCase


class ExtensionTest(TestCase):
    def test_is_there(self):
        with connection.cursor() as cursor:
            cursor.execute("${extension}")
            self.assertEqual(cursor.fetchone(), (1,))
`,
    );
    const manage = outputs.commands.manage.replace("exec -it", "exec");
    expect(execFileSync("sh", ["-c", `${manage} test 2>&1`], { encoding: "utf8" })).toMatch(/Ran 1[1-9] tests[^]*OK/);
  });

  test("publishes the database on 127.0.0.1", async () => {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(15432, "127.0.0.1", () => {
        socket.end();
        resolve();
      });
      socket.on("error", reject);
    });
  });

  test("a container removed by hand is made again by the next up", async () => {
    docker("rm", "--force", django());
    const { operations } = await stack.up();
    expect(operations).toContain(`create docker:index/container:Container ${name}-dev-django-0`);
    expect((await direct().request("/healthz")).text).toBe("ok\n");
  });

  test("another checkout's stack of the same name is refused before anything is touched", async () => {
    const before = docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}");
    const { preflight } = await import("../../preflight.ts");
    const foreign = {
      ...(stack.config as any),
      prefix: `${name}-dev`,
      stack: "dev",
      owner: { checkout: "ffffffffffff" },
      bindAddress: ["127.0.0.1"],
      app: {},
      postgres: { version: 18 },
      httpPort: 18082,
      dockerHost: undefined,
    };
    await expect(preflight(foreign)).rejects.toThrow(
      new RegExp(
        `containers .*${name}-dev-nginx.*, volumes .*${name}-dev-postgres-18-data.* exist and they belong to stack dev of ${name}, checkout [0-9a-f]{12}; fix: choose another .name.*write [0-9a-f]{12} into \\.state/checkout`,
      ),
    );
    expect(docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}")).toBe(before);
  });
}
