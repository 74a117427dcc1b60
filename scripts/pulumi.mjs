// npm run pulumi: the plain command line with the right Node.js, state and passphrase.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runPulumi, selectStack } from "./pulumi-run.mjs";
import { ensureNode, ensurePackages } from "./setup/node-packages.mjs";
import { ensurePassphrase } from "./setup/passphrase.mjs";
import { ensurePulumi } from "./setup/pulumi.mjs";
import { root } from "./setup/setup.mjs";
import { fail, step } from "./setup/terminal.mjs";

try {
  ensurePackages(root);
  const { folder } = ensureNode(root);
  const environment = {
    ...process.env,
    PATH: folder === undefined ? process.env.PATH : `${folder}:${process.env.PATH}`,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const { command } = ensurePulumi(root, environment);
  const words = process.argv.slice(2);
  const stack = stackAmong(words);
  const { variables, made } = ensurePassphrase(root, environment, stack);
  if (made !== undefined) step("passphrase", made);
  const pulumi = { stack, command, environment: { ...environment, ...variables } };
  // Pulumi keeps no config of a stack that it doesn't know, and docker:host and secrets are set before the first `up`.
  if (words[0] === "config" && stack !== undefined && existsSync(join(root, `Pulumi.${stack}.yaml`))) selectStack(pulumi);
  process.exitCode = await runPulumi(pulumi, words);
} catch (error) {
  fail(error);
}

/** The stack that Pulumi is told to work on, where it is told so by a flag. */
function stackAmong(words) {
  const place = words.findIndex((word) => /^(--stack|-s)(=|$)/.test(word));
  return place === -1 ? undefined : (words[place].split(/=(.*)/s)[1] ?? words[place + 1]);
}
