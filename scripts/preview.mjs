// npm run preview: what `npm run up` would change, and what that means.
import { readArguments } from "./arguments.mjs";
import { diagnosticsOf, explainPreview, listChanges } from "./preview-words.mjs";
import { selectStack } from "./pulumi-run.mjs";
import { wrongPassphrase } from "./setup/passphrase.mjs";
import { run, tail } from "./setup/process.mjs";
import { root, setUp } from "./setup/setup.mjs";
import { useHostOf } from "./setup/stack-config.mjs";
import { fail, step } from "./setup/terminal.mjs";

const usage = `Says what bringing a stack up would change, and what that means for the site. Touches nothing.

  npm run preview -- [stack] [--no-install]

Example: npm run preview -- prod`;

try {
  const { stack, flags } = readArguments(process.argv.slice(2), { usage, flags: ["--no-install"], defaultStack: "dev" });
  useHostOf(stack);
  const pulumi = setUp({
    stack,
    install: !flags["no-install"],
    withoutPulumi: `where Compose runs the stack, npm run compose -- ${stack} up --dry-run lists the containers that would change`,
  });
  selectStack(pulumi);
  const args = ["preview", "--stack", stack, "--json", "--non-interactive"];
  const { status, stdout, stderr } = run(pulumi.command, args, { cwd: root, env: pulumi.environment, timeoutSeconds: 600 });
  const preview = parsed(stdout);
  const errors = diagnosticsOf(preview, "error");
  if (status !== 0) {
    const failure = wrongPassphrase(stderr + stdout, pulumi.environment, stack);
    if (failure !== undefined) throw failure;
    process.stderr.write(`\n${errors.join("\n") || tail(stderr + stdout, 20)}\n`);
    process.exit(1);
  }
  for (const warning of diagnosticsOf(preview, "warning")) step("warning", warning);
  const changes = listChanges(preview);
  if (changes.length > 0) process.stdout.write(`\n${changes.join("\n")}\n`);
  process.stdout.write(
    `\n${explainPreview(preview)
      .map((line) => `- ${line}`)
      .join("\n")}\n`,
  );
} catch (error) {
  fail(error);
}

/** What Pulumi printed; nothing where it ended before it had anything to say in that form. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
