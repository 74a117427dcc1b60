import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = readFileSync(join(import.meta.dirname, "../../containers/reload-nginx.sh"), "utf8");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "django-stack-reload-"));
  for (const path of ["bin", "files", "proc/7", "proc/12", "proc/20", "proc/21", "proc/22"]) mkdirSync(join(folder, path), { recursive: true });
  writeFileSync(join(folder, "proc/7/cmdline"), "/bin/sh\0start-nginx.sh\0the nginx: master process\0");
  writeFileSync(join(folder, "proc/12/cmdline"), "nginx: master process nginx -c nginx.conf\0");
  writeFileSync(join(folder, "proc/20/cmdline"), "nginx: cache manager process\0");
  writeFileSync(join(folder, "proc/21/cmdline"), "nginx: worker process\0");
  writeFileSync(join(folder, "proc/22/cmdline"), "nginx: worker process is shutting down\0");
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Case {
  /** What nginx answers with before; undefined where it doesn't answer. */
  readonly live?: string;
  /** Current configurations that nginx refuses. */
  readonly refused?: readonly string[];
  /** What joins the replicas. */
  readonly join?: string;
  /** Replicas by configuration. */
  readonly replicas?: Readonly<Record<string, readonly string[]>>;
}

/** Reloads to `new` with an nginx that is told of it by HUP, and returns how it ended, what it was told, and what is live and current. */
function reload({ live, refused = [], join: joinScript = ":", replicas = {} }: Case) {
  const path = (name: string) => join(folder, name);
  for (const [id, names] of Object.entries(replicas)) {
    mkdirSync(path(`files/${id}`));
    writeFileSync(path(`files/${id}/nginx.conf`), [...names, ...names].map((name) => `        server ${name}:9000 resolve max_fails=2;\n`).join(""));
  }
  const command = (name: string, text: string) => {
    writeFileSync(path(`bin/${name}`), `#!/bin/sh\n${text}\n`);
    chmodSync(path(`bin/${name}`), 0o755);
  };
  if (live !== undefined) writeFileSync(path("live"), live);
  symlinkSync("new", path("files/current"));
  command("curl", `[ "$*" = "--silent --fail --max-time 2 http://127.0.0.1:8081/configuration" ] && cat ${path("live")} 2> /dev/null`);
  const goesOver = `case " ${refused.join(" ")} " in *" $(readlink ${path("files/current")}) "*) ;; *) readlink ${path("files/current")} > ${path("live")} ;; esac`;
  command("hup", `echo "$* while $(readlink ${path("files/current")})" >> ${path("told")}; ${goesOver}`);
  // The shell has a kill of its own.
  const here = (text: string) => text.replaceAll("/files", path("files")).replaceAll("/proc/", path("proc/"));
  const run = spawnSync("sh", ["-ec", here(script).replace("kill -HUP", `${path("bin/hup")} -HUP`), "sh", "new", "0", here(joinScript)], {
    env: { ...process.env, PATH: `${path("bin")}:${process.env.PATH}` },
    encoding: "utf8",
  });
  const read = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), "utf8").trim() : undefined);
  return {
    code: run.status,
    error: run.stderr,
    said: run.stdout,
    told: read("told"),
    live: read("live"),
    current: readlinkSync(path("files/current")),
  };
}

const join1 = 'ln -sfn "$3" /files/current; [ "$1 $2" = "old new" ]';

test("tells nginx's first process and waits until it answers with the new configuration", () => {
  expect(reload({ live: "old" })).toEqual({ code: 0, error: "", said: "", told: "-HUP 12 while new", live: "new", current: "new" });
});

test("goes over to the old and the new replicas together before it goes over to the new ones", () => {
  const told = "-HUP 12 while joined-new\n-HUP 12 while new";
  expect(reload({ live: "old", join: join1 })).toEqual({ code: 0, error: "", said: "", told, live: "new", current: "new" });
});

test("does nothing where the new configuration is live already", () => {
  expect(reload({ live: "new", join: "exit 9" })).toEqual({ code: 0, error: "", said: "", told: undefined, live: "new", current: "new" });
});

test("joins nothing where nginx doesn't answer", () => {
  expect(reload({ join: "exit 9" })).toEqual({ code: 0, error: "", said: "", told: "-HUP 12 while new", live: "new", current: "new" });
});

test.each([
  ["the new configuration", { refused: ["new"] }, "-HUP 12 while new"],
  ["the joined one", { refused: ["joined-new"], join: join1 }, "-HUP 12 while joined-new"],
  ["the new one after the joined one", { refused: ["new"], join: join1 }, "-HUP 12 while joined-new\n-HUP 12 while new"],
])("ends with 3 where nginx refuses %s, and the one of before is current again", (_, given, told) => {
  const begin = Math.floor(Date.now() / 1000);
  const { error, ...rest } = reload({ live: "old", ...given });
  expect(rest).toMatchObject({ code: 3, told, current: "old" });
  expect([begin, begin + 1]).toContain(Number(error));
});

test("leaves current what another reload has put there meanwhile", () => {
  const { code, current } = reload({ live: "old", join: "ln -sfn newer /files/current; exit 5" });
  expect([code, current]).toEqual([5, "newer"]);
});

test("leaves current what is new where nginx never answered", () => {
  expect(reload({ refused: ["new"] })).toMatchObject({ code: 3, live: undefined, current: "new" });
});

test("tells nginx nothing where joining fails, with its error, and the one of before is current again", () => {
  const { code, error, told, current } = reload({ live: "old", join: 'ln -sfn "$3" /files/current; echo "no space left" >&2; exit 5' });
  expect({ code, error, told, current }).toEqual({ code: 5, error: "no space left\n", told: undefined, current: "old" });
});

test.each([
  ["all of them", ["a", "b"], ["c", "d"], "replicas a b\nworkers 21\n"],
  ["one of them", ["a", "b-1"], ["a"], "replicas b-1\nworkers 21\n"],
  ["none", ["a"], ["a", "b"], ""],
  ["none, in another order", ["a", "b"], ["b", "a"], ""],
])("tells which replicas leave, and who still knows them, none that was about to end before: %s", (_, old, wanted, said) => {
  expect(reload({ live: "old", replicas: { old, new: wanted } })).toMatchObject({ code: 0, said });
});

test("workers that end because of the first of two reloads know the old replicas too", () => {
  const process = (id: number, state: string) => `mkdir -p /proc/${id}; printf 'nginx: worker process${state}' > /proc/${id}/cmdline`;
  const reloaded = `${process(21, " is shutting down")}; ${process(23, "")}`;
  const { said } = reload({ live: "old", replicas: { old: ["a"], new: ["b"] }, join: `${reloaded}; ${join1}` });
  expect(said).toBe("replicas a\nworkers 21 23\n");
});
