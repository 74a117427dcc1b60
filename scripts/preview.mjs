// npm run preview: what `npm run up` would change, and what that means.
import { readArguments, useHostOf } from "./arguments.mjs";
import { explainPreview, listChanges } from "./preview-words.mjs";
import { readPulumi, selectStack } from "./pulumi-run.mjs";
import { setUp } from "./setup/setup.mjs";
import { fail } from "./setup/terminal.mjs";

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
  selectStack(pulumi, stack);
  const preview = JSON.parse(readPulumi(pulumi, ["preview", "--stack", stack, "--json", "--non-interactive"]));
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
