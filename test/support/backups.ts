import { execFile, spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { restoreArguments } from "../../scripts/backup/restore-job.mjs";
import { docker, type Site } from "./site.ts";

const script = "/usr/local/lib/backup/backup.sh";

export interface Ended {
  readonly code: number;
  /** All that was printed. */
  readonly output: string;
}

/** Runs a docker command to its end, whatever that is. */
export function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile("docker", args, { maxBuffer: 1e8 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, output: `${stdout}${stderr}` });
    });
  });
}

/** The backups of a test's site. */
export class Backups {
  private readonly site: Site;

  constructor(site: Site) {
    this.site = site;
  }

  get container(): string {
    return this.site.containersOf("backup")[0];
  }

  /** Runs a command of backup.sh. */
  async ask(...words: string[]): Promise<Ended> {
    return run("exec", this.container, "bash", script, ...words);
  }

  /** Makes one and proves it; returns its id. */
  async make(): Promise<string> {
    const { code, output } = await this.ask("now");
    const [, id] = /proved ([0-9a-f]{8})/.exec(output) ?? [];
    if (code !== 0 || id === undefined) throw new Error(output);
    return id;
  }

  async status(): Promise<Record<string, string>> {
    const { output } = await this.ask("status");
    return Object.fromEntries(output.split("\n").map((line) => line.split(/=(.*)/s)));
  }

  /** Waits for the one that is made by itself after the start. */
  async first(): Promise<string> {
    for (let second = 0; second < 120; second++) {
      const { verified_id: id } = await this.status();
      if (id) return id;
      await sleep(1000);
    }
    throw new Error(`no backup within two minutes: ${(await run("logs", this.container)).output}`);
  }

  /** Ids and whether they are proven, oldest first. */
  async list(): Promise<{ id: string; proven: boolean }[]> {
    const { output } = await this.ask("list");
    return JSON.parse(output).map(({ short_id: id, tags }: any) => ({ id, proven: tags.includes("verified") }));
  }

  /** Arguments of `docker` for a restore; `from` is another site whose backup it is. */
  restoreArguments(words: string[], { from, incoming, environment }: { from?: Site; incoming?: object; environment?: object } = {}): string[] {
    const inspect = (container: string) => JSON.parse(docker("inspect", container))[0];
    const container = inspect(this.container);
    return restoreArguments({
      container,
      source: from === undefined ? container : inspect(from.containersOf("backup")[0]),
      incoming,
      environment,
      words,
    });
  }

  async restore(...words: string[]): Promise<Ended> {
    return run(...this.restoreArguments(words));
  }

  /** Starts a restore that stops for ever at a step, and resolves once it is there. */
  async restoreUntil(step: string, says: string): Promise<ChildProcess> {
    const child = spawn("docker", this.restoreArguments(["latest"], { environment: { RESTORE_PAUSE_AT: step } }), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.on("data", (chunk) => (printed += chunk));
    for (let tenth = 0; tenth < 600; tenth++) {
      if (printed.includes(says)) return child;
      if (child.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`the restore never came to ${step}: ${printed}`);
  }
}

/** Runs SQL in the site's database as its superuser and returns the rows, a line each. */
export function query(site: Site, text: string): string {
  const words = ["--quiet", "--no-align", "--tuples-only", "--dbname=django", "--command", text];
  return docker("exec", "--user", "postgres", site.containersOf("postgres")[0], "psql", ...words).trim();
}

/** Returns what the site's database holds, a line a table. */
export function databaseContent(site: Site): string {
  const [container] = site.containersOf("backup");
  return docker(
    "exec",
    container,
    "psql",
    "--no-psqlrc",
    "--quiet",
    "--host=/run/postgresql",
    "--dbname=django",
    "--file=/usr/local/lib/backup/content.sql",
  );
}

/** Returns the hash and path of each of the site's media files. */
export function mediaContent(site: Site): string {
  const command = "cd /vol/web/media; find . -type f ! -path './.re*' -print0 | sort -z | xargs -0 -r sha256sum";
  return docker("exec", site.containersOf("backup")[0], "bash", "-c", command);
}

/** The commands of a checkout whose stack prod is a test's site. */
export class Checkout {
  private readonly folder = mkdtempSync(join(tmpdir(), "django-stack-checkout-"));
  private readonly environment: Readonly<Record<string, string>>;

  /** @param environment variables that the commands have beside this process's. */
  constructor(site: Site, environment: Readonly<Record<string, string>> = {}) {
    const root = join(import.meta.dirname, "../..");
    cpSync(join(root, "scripts"), join(this.folder, "scripts"), { recursive: true });
    cpSync(join(root, "Pulumi.yaml"), join(this.folder, "Pulumi.yaml"));
    const { "docker:host": host } = site.stack.config;
    const lines = [`  django-stack:name: ${site.name}`, ...(host === undefined ? [] : [`  docker:host: ${String(host)}`])];
    writeFileSync(join(this.folder, "Pulumi.prod.yaml"), `config:\n${lines.join("\n")}\n`);
    this.environment = environment;
  }

  /** Runs a script to its end, whatever that is. */
  run(script: string, ...words: string[]): Promise<Ended> {
    return new Promise((resolve) => {
      const options = { maxBuffer: 1e8, env: { ...process.env, ...this.environment } };
      execFile(process.execPath, [join(this.folder, "scripts", `${script}.mjs`), ...words], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
      });
    });
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Ends the processes of a container whose command lines match, at once. */
export function killInside(container: string, commandLine: RegExp): void {
  const [, ...lines] = docker("top", container, "-eo", "pid,args").trim().split("\n");
  for (const line of lines) {
    const [, pid, args] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    try {
      if (pid !== undefined && commandLine.test(args)) process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
