// The words behind `npm run <command> --`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup/setup.mjs";
import { wrongUse } from "./setup/terminal.mjs";

/**
 * Reads `[stack] [flags]`; ends with exit code 2 and the usage on anything else, and with 0 on --help.
 *
 * @param flags the flags that the command knows, such as `--yes`; one that ends in `=` takes a value.
 */
export function readArguments(words, { usage, flags, defaultStack }) {
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const given = {};
  const names = [];
  for (const word of words) {
    const [flag, value] = word.startsWith("--") ? word.split(/=(.*)/s) : [];
    if (flag === undefined) names.push(word);
    else if (value === undefined && flags.includes(flag)) given[flag.slice(2)] = true;
    else if (value !== undefined && flags.includes(`${flag}=`)) given[flag.slice(2)] = value;
    else wrongUse(`${word}: unknown; allowed: ${flags.map((known) => known.replace(/=$/, "=VALUE")).join(", ")}`, usage);
  }
  if (names.length > 1) wrongUse(`${names.join(" ")}: got ${names.length} stacks; allowed: one`, usage);
  const stack = names[0] ?? defaultStack;
  if (stack === undefined) wrongUse(`name a stack; allowed: ${stacks().join(", ")}`, usage);
  if (!existsSync(join(root, `Pulumi.${stack}.yaml`))) {
    wrongUse(`${stack}: there is no Pulumi.${stack}.yaml; allowed: ${stacks().join(", ")}; fix: copy one of their files to that name`, usage);
  }
  return { stack, flags: given };
}

function stacks() {
  return readdirSync(root)
    .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

/** Whether a stack's file says `environment: dev`; a stack that doesn't say is a production one. */
export function isDevelopment(stack) {
  return /^\s+django-stack:environment:\s*dev\s*$/m.test(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"));
}
