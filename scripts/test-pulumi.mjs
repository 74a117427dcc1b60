// Pulumi for tests and benches: its engine, and where its plugins can't be had the tests' own in their place.
import { root } from "./setup/setup.mjs";
import { ensurePlugins, ensurePulumi } from "./setup/pulumi.mjs";
import { step } from "./setup/terminal.mjs";

/**
 * Makes sure of Pulumi's command line and, where they can be had, of its plugins.
 *
 * @returns variables for the tests' processes, and why the tests' own plugins take the place of Pulumi's, where they do.
 * @throws Failure where there is no command line to be had.
 */
export function setUpTestPulumi(environment) {
  const pulumi = ensurePulumi(root, environment);
  step("Pulumi", `${pulumi.version} from ${pulumi.from}`);
  const variables = { PULUMI_SKIP_UPDATE_CHECK: "true", DJANGO_STACK_TEST_PULUMI: pulumi.command };
  try {
    step("plugins", ensurePlugins(root, pulumi, { ...environment, ...variables }));
    return { variables };
  } catch (error) {
    if (error?.name !== "Failure") throw error;
    step("plugins", "the tests' own in place of Pulumi's");
    return { variables: { ...variables, DJANGO_STACK_TEST_OWN_PLUGINS: "true" }, ownPlugins: error.message.split("\n")[0] };
  }
}
