import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { configOf, type Create, type Registration } from "./program.ts";
import { reveal } from "../../compose/mock-runtime.ts";
import { ResourceMonitor, type Message } from "./resource-monitor.ts";

const checkout = join(import.meta.dirname, "../..");

/** What Pulumi's own plugin for Node.js runs programs with. */
const runner = join(dirname(createRequire(import.meta.url).resolve("@pulumi/pulumi")), "cmd", "run");

export interface ProgramProcessArgs {
  readonly stack: string;
  /** `django-stack:` keys as Pulumi hands them over: text, objects as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys set with --secret. */
  readonly secretKeys?: readonly string[];
  /** Whether it is a preview. @default false */
  readonly preview?: boolean;
  readonly create: Create;
  /** Kills the program. */
  readonly signal?: AbortSignal;
  /** PATH of the program's process. @default this one's */
  readonly path?: string;
  /** Further variables of the program's process, beside this one's. @default none */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ProgramProcess {
  readonly registrations: Registration[];
  /** What the program told the user, in its order. */
  readonly messages: Message[];
  /** The program's exports, secrets revealed. */
  readonly outputs: Record<string, any>;
  /** The first resource's error; the program's own has been told the user. */
  readonly failure: Error | undefined;
  readonly exitCode: number | null;
  /** What it wrote to its standard output and error: nothing, when all is well. */
  readonly printed: string;
}

/** Runs the whole program as Pulumi does, by its own runner in a process of its own. */
export async function runProgramProcess(args: ProgramProcessArgs): Promise<ProgramProcess> {
  const monitor = new ResourceMonitor(args.stack, args.create);
  const address = await monitor.listen();
  const flags = [
    ...[`--monitor=${address}`, `--engine=${address}`, "--organization=organization", "--project=django-stack", `--stack=${args.stack}`],
    ...[`--pwd=${checkout}`, `--root-directory=${checkout}`, "--parallel=16", ...(args.preview ? ["--dry-run"] : [])],
  ];
  const config = configOf(args.config);
  const child = spawn(process.execPath, [runner, ...flags, "index.ts"], {
    cwd: checkout,
    env: {
      ...process.env,
      ...args.environment,
      PATH: args.path ?? process.env.PATH,
      PULUMI_NODEJS_TYPESCRIPT: "false",
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(args.secretKeys ?? []),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  args.signal?.addEventListener("abort", () => child.kill("SIGKILL"));
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  monitor.close();
  const { registrations, messages, outputs, failure } = monitor;
  return { registrations, messages, outputs: reveal(outputs), failure, exitCode, printed };
}
