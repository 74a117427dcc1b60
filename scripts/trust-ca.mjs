// npm run trust-ca: makes this machine trust the authority that a stack with tls.mode self-signed made for itself.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, platform, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { readArguments } from "./arguments.mjs";
import { composeFolder, readOutputs } from "./compose/project.mjs";
import { readPulumi } from "./pulumi-run.mjs";
import { Failure, run, tail } from "./setup/process.mjs";
import { root, setUpNode, setUpPulumi } from "./setup/setup.mjs";
import { fail } from "./setup/terminal.mjs";
import { browserPlan, browserStores, explainTrust, trustPlan } from "./trust-plan.mjs";

const usage = `Makes this machine trust the certificate authority of a stack, so that browsers and clients take its site for genuine.

  npm run trust-ca -- [stack] [--compose] [--remove]

  stack      default: prod
  --compose  the stack that Docker Compose runs
  --remove   take the authority out of the stores again

Example: npm run trust-ca -- prod`;

const folder = mkdtempSync(join(tmpdir(), "django-stack-trust-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
try {
  const { stack, flags } = readArguments(process.argv.slice(2), { usage, flags: ["--compose", "--remove"], defaultStack: "prod" });
  const { outputs, key } = flags.compose ? ofCompose(stack) : ofPulumi(stack);
  if (outputs.caCertificate === undefined) {
    throw new Failure("trust-ca", `stack ${stack} has no authority of its own`, "set tls.mode to self-signed, then npm run up");
  }
  const name = `django-stack-${stack}`;
  const file = join(folder, `${name}.crt`);
  writeFileSync(file, outputs.caCertificate);
  const plan = trustPlan({ platform: platform(), exists: existsSync, home: homedir(), name, file });
  if (plan === undefined) throw new Failure("trust-ca", "this system's store isn't known", "add it by hand; it is the output caCertificate");
  process.stdout.write(`${explainTrust({ stack, url: outputs.url, key })}\n`);
  for (const command of flags.remove ? plan.remove : plan.add) asRoot(command, plan.needsRoot);
  const done = flags.remove ? "removed from" : "added to";
  process.stdout.write(`${done} ${plan.store}, which curl and most other programs read\n`);
  if (platform() === "linux") inBrowsers({ name, file, remove: flags.remove, done });
} catch (error) {
  fail(error);
}

function ofPulumi(stack) {
  const pulumi = setUpPulumi(setUpNode(), stack);
  return {
    outputs: JSON.parse(readPulumi(pulumi, ["stack", "output", "--stack", stack, "--json"])),
    key: ".state, which its passphrase opens",
  };
}

function ofCompose(stack) {
  const project = composeFolder(stack);
  if (!existsSync(join(project, "outputs.json"))) {
    throw new Failure("trust-ca", `Compose has run no stack ${stack} from this checkout`, `npm run up -- ${stack} --compose`);
  }
  return { outputs: readOutputs(project), key: relative(root, join(project, "values.json")) };
}

function asRoot([command, ...args], needsRoot) {
  const itself = process.getuid?.() === 0 || !needsRoot;
  const { status, stderr } = run(itself ? command : "sudo", itself ? args : ["--non-interactive", command, ...args]);
  if (status !== 0) throw new Failure("trust-ca", `${command} failed: ${tail(stderr, 1)}`, `sudo ${[command, ...args].join(" ")}`);
}

/** Chromium and Firefox look at databases of their own, which only NSS' tool writes. */
function inBrowsers({ name, file, remove, done }) {
  const list = (path) => (existsSync(path) ? readdirSync(path) : []);
  const stores = browserStores({ exists: existsSync, list, home: homedir() });
  if (run("certutil", ["-H"]).status === 127) {
    const install = "certutil (package libnss3-tools, or nss-tools)";
    return process.stdout.write(`Chromium and Firefox have stores of their own: install ${install} and run this again for them\n`);
  }
  for (const store of stores) {
    const plan = browserPlan({ exists: existsSync, store, name, file });
    const present = run(plan.look[0], plan.look.slice(1)).status === 0;
    // An authority of before has the same name and another key.
    const commands = [...(present ? [plan.remove] : []), ...(remove ? [] : [...plan.make, plan.add])];
    for (const command of commands) asRoot(command, false);
    process.stdout.write(`${done} ${store}\n`);
  }
  process.stdout.write("restart your browser\n");
}
