// npm run pulumi: the plain command line with the right Node.js, state and passphrase.
import { runPulumi } from "./pulumi-run.mjs";
import { ensureNode, ensurePackages } from "./setup/node-packages.mjs";
import { ensurePassphrase, ensurePulumi } from "./setup/pulumi.mjs";
import { root } from "./setup/setup.mjs";
import { fail } from "./setup/terminal.mjs";

try {
  ensurePackages(root);
  const { folder } = ensureNode(root);
  const environment = {
    ...process.env,
    PATH: folder === undefined ? process.env.PATH : `${folder}:${process.env.PATH}`,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const { command } = ensurePulumi(root, environment);
  const { variables } = ensurePassphrase(root, environment);
  process.exitCode = await runPulumi({ command, environment: { ...environment, ...variables } }, process.argv.slice(2));
} catch (error) {
  fail(error);
}
