import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const script = join(import.meta.dirname, "../../containers/release.sh");

/** Python as the job meets it: notes what it is told to do, then does what `does` says, by the step. */
function standIn(does: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "django-stack-release-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const steps = Object.entries(does).map(([step, command]) => `${step}) ${command} ;;`);
  writeFileSync(join(folder, "python"), `#!/bin/sh\necho "$2" >> '${join(folder, "told")}'\ncase "$2" in\n${steps.join("\n")}\nesac\n`);
  chmodSync(join(folder, "python"), 0o755);
  const environment = { WSGI_MODULE: "", WORKER_CLASS: "sync", RELEASE_TIMEOUT_SECONDS: "5", STATIC_SOURCE: "" };
  const temporary = join(folder, "temporary");
  mkdirSync(temporary);
  return {
    left: () => readdirSync(temporary),
    run: (variables: Readonly<Record<string, string>>) =>
      execFileSync("sh", [script], {
        env: { ...environment, TMPDIR: temporary, ...variables, PATH: `${folder}:${process.env.PATH}` },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    told: () => (existsSync(join(folder, "told")) ? readFileSync(join(folder, "told"), "utf8").trim().split("\n") : []),
  };
}

/** Runs the job with a Python that says `answer` when it is asked for the superuser; returns what manage.py was told to do. */
function release(answer: string): string[] {
  const { run, told } = standIn({ shell: `printf '%s' '${answer}'` });
  run({ DJANGO_SUPERUSER_USERNAME: "admin" });
  return told();
}

test("makes the superuser where there is none, whatever the project prints as it is loaded", () => {
  expect(release("missing\n")).toEqual(["shell", "migrate", "shell", "createsuperuser"]);
  expect(release("loading settings\nmissing\n")).toEqual(["shell", "migrate", "shell", "createsuperuser"]);
});

test("leaves one that is there alone", () => {
  expect(release("exists\n")).toEqual(["shell", "migrate", "shell"]);
  expect(release("loading settings\nexists\n")).toEqual(["shell", "migrate", "shell"]);
});

test("fails where the answer is neither", () => {
  expect(() => release("the database said no\n")).toThrow(/release: can't tell whether superuser admin exists: the database said no/);
});

test("packs static files while migrations run, and publishes them when both are done", () => {
  const { run, told } = standIn({ pack: `sleep 0.3; echo "packed" >> "$5/packed"`, publish: `cat "$5/packed"` });
  expect(run({ STATIC_SOURCE: tmpdir(), WSGI_MODULE: "config.wsgi" }).toString()).toBe(
    "release: loading config.wsgi\nrelease: migrating\nrelease: publishing static files\npacked\nrelease: done\n",
  );
  // When it begins to pack is open.
  expect(told().filter((step) => step !== "pack")).toEqual(["config.wsgi", "migrate", "publish"]);
  expect(told().indexOf("pack")).toBeLessThan(3);
});

test("leaves nothing in the temporary folder, however it ends", () => {
  const settings = 'echo "config.settings" > "$4"';
  const pack = 'echo "packed" > "$5/packed"; sleep 0.2';
  const release = { STATIC_SOURCE: tmpdir(), WSGI_MODULE: "config.wsgi" };
  const ends: [Readonly<Record<string, string>>, string][] = [
    [{}, "done"],
    [{ "config.wsgi": `${settings}; exit 1` }, "refused"],
    [{ migrate: "echo no >&2; exit 3" }, "refused"],
    [{ pack: `${pack}; exec sleep 30`, "config.wsgi": "sleep 0.5; exit 1" }, "refused"],
    [{ publish: "exit 1" }, "refused"],
  ];
  for (const [does, wanted] of ends) {
    const { left, run } = standIn({ pack, "config.wsgi": settings, ...does });
    let ended = "done";
    try {
      run(release);
    } catch {
      ended = "refused";
    }
    expect([ended, left()]).toEqual([wanted, []]);
  }
});

test("migrates with the settings that gunicorn takes, whatever manage.py has by default", () => {
  const settings = 'echo "config.settings.production" > "$4"';
  const { run } = standIn({ "config.wsgi": settings, migrate: 'echo "by $DJANGO_SETTINGS_MODULE"' });
  expect(run({ WSGI_MODULE: "config.wsgi" }).toString()).toContain("release: migrating\nby config.settings.production\n");
  const plain = standIn({ migrate: 'echo "by ${DJANGO_SETTINGS_MODULE:-its own}"' });
  expect(plain.run({ WSGI_MODULE: "config.wsgi" }).toString()).toContain("release: migrating\nby its own\n");
});

test("publishes nothing of a release whose migration fails", () => {
  const { run, told } = standIn({ migrate: "exit 3" });
  expect(() => run({ STATIC_SOURCE: tmpdir() })).toThrow();
  expect(told()).toContain("migrate");
  expect(told()).not.toContain("publish");
});

test("publishes what couldn't be packed beforehand, too", () => {
  const { run, told } = standIn({ pack: "exit 1" });
  run({ STATIC_SOURCE: tmpdir() });
  expect(told()).toContain("publish");
});

test("an image without static files fails before anything is touched, and the rest of it is looked at, too", () => {
  const { run, told } = standIn({ "config.wsgi": "exit 1" });
  const message = /release: the image has no \/nowhere; run collectstatic in the Dockerfile, or correct app.staticRoot/;
  expect(() => run({ STATIC_SOURCE: "/nowhere", WSGI_MODULE: "config.wsgi" })).toThrow(message);
  expect(told()).toEqual(["config.wsgi"]);
});

test("a release for runserver whose settings don't fit fails before anything is touched", () => {
  const { run, told } = standIn({ shell: "exit 1" });
  expect(() => run({})).toThrow();
  expect(told()).toEqual(["shell"]);
});
