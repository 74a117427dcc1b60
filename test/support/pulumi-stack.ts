import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyCheckout, saltOf, writeStackFile } from "./checkout-copy.ts";
import { sweepDocker, type Operation, type StackDriver } from "./stack-driver.ts";

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real Pulumi on a copy of the checkout, with a state, a passphrase and a checkout id of its own. */
export class PulumiStack implements StackDriver {
  config: Record<string, unknown>;
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
    if (code !== 0) {
      const messages = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent === undefined ? [] : [String(diagnosticEvent.message)]));
      throw new Error([...messages, stderr].join("\n"));
    }
    const output = await this.pulumi("stack", "output", "--json", "--show-secrets");
    return { outputs: JSON.parse(output.stdout), operations: events.flatMap(operationOf) };
  }

  /** Returns what an `up` would do, in the words of `up`'s operations. */
  async preview(): Promise<Operation[]> {
    await this.select();
    const { code, stdout, stderr } = await this.pulumi("preview", "--json");
    if (code !== 0) throw new Error(stderr + stdout);
    return JSON.parse(stdout).steps.flatMap(({ op, urn }: { op: string; urn: string }) =>
      operationOf({ resourcePreEvent: { metadata: { op, urn } } }),
    );
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

  /** Runs a pulumi command on this stack to its end, whatever its exit code. */
  pulumi(...args: string[]): Promise<Finished> {
    const environment = { ...process.env, PULUMI_CONFIG_PASSPHRASE: "only for tests", PULUMI_CONFIG_PASSPHRASE_FILE: undefined };
    return new Promise((resolve) => {
      const options = { cwd: this.checkout, env: environment, maxBuffer: 1e9, timeout: 600_000 };
      execFile(
        process.env.DJANGO_STACK_TEST_PULUMI ?? "pulumi",
        [...args, "--stack", this.stack, "--non-interactive"],
        options,
        (error, stdout, stderr) => {
          resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr });
        },
      );
    });
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

/** Returns the operation of an engine event in the words that both drivers use; nothing where nothing changes. */
function operationOf({ resourcePreEvent }: Record<string, any>): Operation[] {
  if (resourcePreEvent === undefined) return [];
  const { op, urn } = resourcePreEvent.metadata as { op: string; urn: string };
  const verb = (
    { create: "create", "create-replacement": "create", update: "update", delete: "delete", "delete-replaced": "delete" } as Record<string, string>
  )[op];
  const type = urn.split("::")[2].split("$").at(-1) ?? "";
  const custom = !type.startsWith("django-stack:") && !type.startsWith("pulumi:");
  return verb === undefined || !custom ? [] : [`${verb} ${type} ${urn.split("::")[3]}`];
}
