import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { spawnLowPriority } from "../../scripts/low-priority.mjs";
import { copyCheckout, saltOf, writeStackFile } from "./checkout-copy.ts";
import { sweepDocker, type KillableStack, type Operation } from "./stack-driver.ts";

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const command = process.env.DJANGO_STACK_TEST_PULUMI ?? "pulumi";

/** Asked for each time: the tests' own plugins may be in it. */
const environment = () => ({ ...process.env, PULUMI_CONFIG_PASSPHRASE: "only for tests", PULUMI_CONFIG_PASSPHRASE_FILE: undefined });

/** Runs the real Pulumi on a copy of the checkout, with a state, a passphrase and a checkout id of its own. */
export class PulumiStack implements KillableStack {
  config: Record<string, unknown>;
  warnings: readonly string[] = [];
  /** Folder of the copy. */
  readonly checkout: string;
  private readonly stack: string;

  constructor(stack: string, config: Record<string, unknown>) {
    this.stack = stack;
    this.config = config;
    this.checkout = join(tmpdir(), `${config.name}-${stack}-${process.pid}-checkout`);
  }

  /** Makes the copy of the checkout, once. */
  prepare(): void {
    copyCheckout(this.checkout);
  }

  async up(): Promise<{ outputs: Record<string, any>; operations: Operation[] }> {
    await this.select();
    const { code, stdout, stderr } = await this.pulumi("up", "--yes", "--skip-preview", "--json");
    const events = jsonLines(stdout);
    const messages = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent === undefined ? [] : [diagnosticEvent]));
    if (code !== 0) {
      throw new Error([...messages.filter(({ severity }) => severity !== "debug").map(({ message }) => String(message)), stderr].join("\n"));
    }
    // The engine marks colours, and ends each with a line's end.
    const plain = (message: unknown) =>
      String(message)
        .replace(/<\{%.*?%\}>/g, "")
        .trim();
    this.warnings = messages.filter(({ severity }) => severity === "warning").map(({ message }) => plain(message));
    const output = await this.pulumi("stack", "output", "--json", "--show-secrets");
    return { outputs: JSON.parse(output.stdout), operations: events.flatMap(begun) };
  }

  /** Returns what an `up` would do, in the words of `up`'s operations. */
  async preview(): Promise<Operation[]> {
    await this.select();
    const { code, stdout, stderr } = await this.pulumi("preview", "--json");
    if (code !== 0) throw new Error(stderr + stdout);
    // It has one step for both parts of a replacement.
    const parts = (op: string) => (op === "replace" ? ["create-replacement", "delete-replaced"] : [op]);
    return JSON.parse(stdout).steps.flatMap(({ op, urn }: Step) => parts(op).flatMap((part) => operationsOf({ op: part, urn })));
  }

  async destroy(): Promise<void> {
    this.prepare();
    const { code, stdout, stderr } = await this.pulumi("destroy", "--yes", "--skip-preview", "--exclude-protected");
    if (code !== 0) throw new Error(stderr + stdout);
  }

  async sweep(): Promise<void> {
    await sweepDocker(`${this.config.name}-${this.stack}-`);
  }

  /** Removes the copy of the checkout. */
  dispose(): void {
    rmSync(this.checkout, { recursive: true, force: true });
  }

  /** Kills the command line alone: its plugins find out by themselves and end. */
  async upKilled(operation: number, seconds: number): Promise<Operation[]> {
    await this.select();
    const child = spawn(command, ["up", "--yes", "--skip-preview", "--json", "--stack", this.stack, "--non-interactive"], {
      cwd: this.checkout,
      env: environment(),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const operations: Operation[] = [];
    createInterface(child.stdout).on("line", (line) => {
      for (const one of jsonLines(line).flatMap(begun)) {
        if (operations.push(one) === operation) setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
      }
    });
    await once(child, "close");
    return operations;
  }

  async upAgain(): Promise<void> {
    const { code, output } = await this.startUp().ended;
    if (code !== 0) throw new Error(output);
  }

  /**
   * Starts `npm run up` in the checkout, in a process group of its own.
   *
   * @param variables of its environment, in place of the tests' own.
   */
  startUp(variables: Record<string, string | undefined> = {}): {
    readonly child: ChildProcess;
    readonly ended: Promise<{ code: number | null; output: string }>;
  } {
    const args = ["run", "up", "--", this.stack, "--yes", "--no-install"];
    const env = { ...environment(), ...variables };
    const child = spawn("npm", args, { cwd: this.checkout, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    return { child, ended: once(child, "exit").then(([code]) => ({ code, output })) };
  }

  async recorded(): Promise<readonly string[]> {
    const { stdout } = await this.pulumi("stack", "export");
    return JSON.parse(stdout).deployment.resources.flatMap(({ id }: { id?: string }) => id ?? []);
  }

  /** Runs a pulumi command on this stack to its end, whatever its exit code; with a low priority what the project's commands run so. */
  async pulumi(...args: string[]): Promise<Finished> {
    const begin = ["up", "destroy"].includes(args[0]) ? spawnLowPriority : spawn;
    const child: ChildProcess = begin(command, [...args, "--stack", this.stack, "--non-interactive"], {
      cwd: this.checkout,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 600_000,
    });
    const printed = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) child[name]?.setEncoding("utf8").on("data", (text: string) => (printed[name] += text));
    const [code] = await once(child, "close");
    return { code: code ?? 1, ...printed };
  }

  private async select(): Promise<void> {
    this.prepare();
    const path = join(this.checkout, `Pulumi.${this.stack}.yaml`);
    const known = saltOf(path) !== undefined;
    writeStackFile(path, this.config);
    if (known) return;
    const { code, stderr } = await this.pulumi("stack", "init");
    if (code !== 0 && !stderr.includes("already exists")) throw new Error(stderr);
  }
}

function jsonLines(text: string): Record<string, any>[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

/** Returns what an event of the engine says that it begins. */
const begun = ({ resourcePreEvent }: Record<string, any>): Operation[] =>
  resourcePreEvent === undefined ? [] : operationsOf(resourcePreEvent.metadata);

/** A step of the engine: what it does to which resource. */
interface Step {
  readonly op: string;
  readonly urn: string;
}

/** Returns a step in the words that both drivers use; nothing where nothing changes. */
function operationsOf({ op, urn }: Step): Operation[] {
  const verb = (
    { create: "create", "create-replacement": "create", update: "update", delete: "delete", "delete-replaced": "delete" } as Record<string, string>
  )[op];
  const type = urn.split("::")[2].split("$").at(-1) ?? "";
  const custom = !type.startsWith("django-stack:") && !type.startsWith("pulumi:");
  return verb === undefined || !custom ? [] : [`${verb} ${type} ${urn.split("::")[3]}`];
}
