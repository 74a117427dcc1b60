// The words behind `npm run <command> --`.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup/checkout.mjs";
import { wrongUse } from "./setup/terminal.mjs";

/**
 * Reads `[stack] [further words] [flags]`; ends with exit code 2 and the usage on anything else, and with 0 on --help.
 *
 * @param flags the flags that the command knows, such as `--yes`; one that ends in `=` takes a value.
 * @param most how many further words there may be.
 */
export function readArguments(words, { usage, flags, defaultStack, most = 0 }) {
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
  if (names.length > 1 + most) {
    wrongUse(
      most === 0 ? `${names.join(" ")}: got ${names.length} stacks; allowed: one` : `${names.slice(1 + most).join(" ")}: too many words`,
      usage,
    );
  }
  const stack = names[0] ?? defaultStack;
  if (stack === undefined) wrongUse(`name a stack; allowed: ${stacks().join(", ")}`, usage);
  requireStack(stack, usage);
  return { stack, flags: given, further: names.slice(1) };
}

/** Ends with exit code 2 and the usage where there is no file of that stack. */
export function requireStack(stack, usage) {
  if (!existsSync(join(root, `Pulumi.${stack}.yaml`))) {
    wrongUse(`${stack}: there is no Pulumi.${stack}.yaml; allowed: ${stacks().join(", ")}; fix: copy one of their files to that name`, usage);
  }
}

function stacks() {
  return readdirSync(root)
    .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}
