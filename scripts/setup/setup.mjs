// Everything that must be there before `pulumi` runs: packages, Node.js, Docker, Pulumi with its plugins, base images.
import { delimiter, join } from "node:path";
import { baseImages, ensureBaseImages, knownImages } from "./base-images.mjs";
import { root } from "./checkout.mjs";
import { ensureDocker } from "./docker.mjs";
import { ensureNode, ensurePackages } from "./node-packages.mjs";
import { ensurePassphrase } from "./passphrase.mjs";
import { ensurePlugins, ensurePulumi } from "./pulumi.mjs";
import { imagesOf } from "./stack-images.mjs";
import { step } from "./terminal.mjs";

export { root };

/** Installs the npm packages and finds Node.js; returns the environment for whatever runs next. */
export function setUpNode() {
  step("npm packages", ensurePackages(root));
  const node = ensureNode(root);
  step("Node.js", node.folder === undefined ? node.version : `${node.version} from npm's node package`);
  const path = [node.folder, process.env.PATH].filter((part) => part !== undefined).join(delimiter);
  // Node.js keeps what it compiled: about half a second a command.
  return { ...process.env, PATH: path, NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node") };
}

/** Makes sure of the Docker engine and of a stack's images, or of those that the defaults start from; returns how to reach the engine. */
export function setUpDocker({ install = true, stack, images = true } = {}) {
  const docker = ensureDocker({ install, print: (text) => step("Docker", text) });
  step("Docker", `engine ${docker.version}${docker.host === undefined ? "" : ` at ${docker.host}`}`);
  if (images) step("base images", ensureBaseImages(docker, stack === undefined ? baseImages : knownImages(imagesOf(root, stack))));
  return docker;
}

/** Makes sure of Pulumi, its plugins and a stack's passphrase; returns the stack, the command and its environment. */
export function setUpPulumi(environment, stack) {
  const pulumi = ensurePulumi(root, environment);
  step("Pulumi", `${pulumi.version} from ${pulumi.from}`);
  step("plugins", ensurePlugins(root, pulumi, environment));
  const { variables, made } = ensurePassphrase(root, environment, stack);
  if (made !== undefined) step("passphrase", made);
  return { stack, command: pulumi.command, environment: { ...environment, ...variables, PULUMI_SKIP_UPDATE_CHECK: "true" } };
}

/** All of it, in order, the images only where something is made from them; where Pulumi can't be had, the failure ends with `withoutPulumi`, what to type then. */
export function setUp({ stack, install = true, images = true, withoutPulumi }) {
  const environment = setUpNode();
  const docker = setUpDocker({ install, stack, images });
  // The provider goes by a context that the environment names before any address.
  const hosted = { ...environment, DOCKER_HOST: docker.host ?? environment.DOCKER_HOST, DOCKER_CONTEXT: undefined };
  try {
    return { docker, ...setUpPulumi(hosted, stack) };
  } catch (error) {
    if (error?.step?.startsWith("Pulumi")) error.message += `\n  without Pulumi: ${withoutPulumi}`;
    throw error;
  }
}
