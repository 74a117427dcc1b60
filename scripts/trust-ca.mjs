// npm run trust-ca: makes this machine trust the authority that a stack with tls.mode self-signed made for itself.
import { existsSync, writeFileSync } from "node:fs";
import { homedir, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { readArguments } from "./arguments.mjs";
import { readPulumi } from "./pulumi-run.mjs";
import { Failure, run, tail } from "./setup/process.mjs";
import { setUpNode, setUpPulumi } from "./setup/setup.mjs";
import { fail } from "./setup/terminal.mjs";
import { explainTrust, trustPlan } from "./trust-plan.mjs";

const usage = `Makes this machine trust the certificate authority of a stack, so that browsers and clients take its site for genuine.

  npm run trust-ca -- [stack] [--remove]

  stack     default: prod
  --remove  take the authority out of the store again

Example: npm run trust-ca -- prod`;

try {
  const { stack, flags } = readArguments(process.argv.slice(2), { usage, flags: ["--remove"], defaultStack: "prod" });
  const pulumi = setUpPulumi(setUpNode());
  const outputs = JSON.parse(readPulumi(pulumi, ["stack", "output", "--stack", stack, "--json"]));
  if (outputs.caCertificate === undefined) {
    throw new Failure("trust-ca", `stack ${stack} has no authority of its own`, "set tls.mode to self-signed, then npm run up");
  }
  const file = join(tmpdir(), `django-stack-${stack}.crt`);
  writeFileSync(file, outputs.caCertificate);
  const plan = trustPlan({ platform: platform(), exists: existsSync, home: homedir(), name: `django-stack-${stack}`, file });
  if (plan === undefined) throw new Failure("trust-ca", "this system's store isn't known", `add ${file} to it by hand`);
  process.stdout.write(`${explainTrust({ stack, url: outputs.url, store: plan.store })}\n`);
  for (const [command, ...args] of flags.remove ? plan.remove : plan.add) {
    const root = process.getuid?.() === 0 || !plan.needsRoot;
    const { status, stderr } = run(root ? command : "sudo", root ? args : ["--non-interactive", command, ...args]);
    if (status !== 0) throw new Failure("trust-ca", `${command} failed: ${tail(stderr, 1)}`, `sudo ${[command, ...args].join(" ")}`);
  }
  process.stdout.write(flags.remove ? `removed from ${plan.store}\n` : `added to ${plan.store}; restart your browser\n`);
} catch (error) {
  fail(error);
}
