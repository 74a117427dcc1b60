import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyCheckout, writeStackFile } from "./checkout-copy.ts";
import { engineApi } from "./engine-api.ts";
import { sweepDocker, type Operation, type StackDriver } from "./stack-driver.ts";

const ownId = join(import.meta.dirname, "../../.state/checkout");

interface Ended {
  readonly code: number;
  /** All that was printed. */
  readonly output: string;
}

/** Runs the project's own commands for Docker Compose in a copy of the checkout. */
export class ComposeStack implements StackDriver {
  config: Record<string, unknown>;
  /** Folder of the copy. */
  readonly checkout: string;
  readonly replacesDependents = true;
  warnings: readonly string[] = [];
  private readonly stack: string;

  constructor(stack: string, config: Record<string, unknown>) {
    this.stack = stack;
    this.config = config;
    this.checkout = join(tmpdir(), `${config.name}-${stack}-${process.pid}-checkout`);
  }

  /** Folder of the Compose project. */
  get folder(): string {
    return join(this.checkout, "docker-compose", this.stack);
  }

  /** What `npm run up -- <stack> --compose` does; jobs that run again in their containers aren't operations. */
  async up(): Promise<{ outputs: Record<string, any>; operations: Operation[] }> {
    const before = await this.containers();
    const { code, output } = await this.script("up", this.stack, "--compose", "--yes", "--no-install");
    if (code !== 0) throw new Error(output);
    this.warnings = output.split("\n").flatMap((line) => /^warning: (.*)$/.exec(line)?.[1] ?? []);
    const after = await this.containers();
    return {
      outputs: JSON.parse(readFileSync(join(this.folder, "outputs.json"), "utf8")),
      operations: [...added(before, after), ...gone(before, after)],
    };
  }

  async destroy(): Promise<void> {
    const { code, output } = await this.compose("down", "--volumes", "--remove-orphans");
    if (code !== 0) throw new Error(output);
  }

  async sweep(): Promise<void> {
    await sweepDocker(`${this.config.name}-${this.stack}-`);
  }

  /** Removes the copy of the checkout. */
  dispose(): void {
    rmSync(this.checkout, { recursive: true, force: true });
  }

  /** Runs `npm run compose -- <stack> ...` to its end, whatever its exit code. */
  compose(...words: string[]): Promise<Ended> {
    return this.script("compose", this.stack, ...words);
  }

  /** Runs one of the project's scripts. */
  script(name: string, ...words: string[]): Promise<Ended> {
    copyCheckout(this.checkout);
    // The same checkout to whoever else runs its stack.
    if (!existsSync(ownId)) writeFileSync(ownId, `${randomBytes(6).toString("hex")}\n`, { mode: 0o600 });
    cpSync(ownId, join(this.checkout, ".state/checkout"));
    writeStackFile(join(this.checkout, `Pulumi.${this.stack}.yaml`), this.config);
    return new Promise((resolve) => {
      const options = { cwd: this.checkout, maxBuffer: 1e9, timeout: 600_000 };
      execFile("node", [join(this.checkout, "scripts", `${name}.mjs`), ...words], options, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, output: stdout + stderr });
      });
    });
  }

  /** Ids by the name that the resource has with Pulumi. */
  private async containers(): Promise<ReadonlyMap<string, string>> {
    const project = `${this.config.name}-${this.stack}`;
    const filter = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${project}`] }));
    const all = await engineApi("GET", `/containers/json?all=true&filters=${filter}`);
    return new Map(all.map(({ Id, Labels }: any) => [`${project}-${Labels["com.docker.compose.service"]}`, Id]));
  }
}

const added = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Operation[] =>
  [...after].filter(([name, id]) => before.get(name) !== id).map(([name]) => `create docker:index/container:Container ${name}`);

const gone = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Operation[] =>
  [...before].filter(([name, id]) => after.get(name) !== id).map(([name]) => `delete docker:index/container:Container ${name}`);
