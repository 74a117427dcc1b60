// What Pulumi encrypts secrets with, in the state and in the stacks' files.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./process.mjs";
import { mayHaveState } from "./state.mjs";

/** The line of a stack's file by which Pulumi tells whether a passphrase is the right one. */
const saltLine = /^encryptionsalt:.*\n?/m;

/**
 * Makes the state folder and, unless there is a passphrase or something that only another one opens, a passphrase.
 *
 * A stack's file may come with another checkout's salt; where nothing was encrypted with it that could be lost, the line goes.
 *
 * @param {string} [stack] the stack that it is for; without one, every stack's file counts.
 * @returns the variables by which Pulumi finds it, and what was made, in words; undefined where nothing was.
 * @throws Failure where something was encrypted with one that isn't here.
 */
export function ensurePassphrase(root, environment, stack) {
  const folder = join(root, ".state");
  mkdirSync(folder, { recursive: true });
  if (environment.PULUMI_CONFIG_PASSPHRASE !== undefined || environment.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined)
    return { variables: {}, made: undefined };
  const path = join(folder, "passphrase");
  const variables = { PULUMI_CONFIG_PASSPHRASE_FILE: path };
  if (existsSync(path)) return { variables, made: undefined };
  if (stack === undefined && stackFiles(root).some((file) => saltLine.test(read(root, file)))) return { variables: {}, made: undefined };
  const file = `Pulumi.${stack}.yaml`;
  const text = read(root, file);
  const foreign = saltLine.test(text);
  if (foreign && (/^\s+(- )?secure:/m.test(text) || mayHaveState(root, environment, stack))) {
    throw new Failure(
      "passphrase",
      `${file} was encrypted with one that isn't here: there is no .state/passphrase, and PULUMI_CONFIG_PASSPHRASE isn't set`,
      wayOut,
    );
  }
  if (foreign) writeFileSync(join(root, file), text.replace(saltLine, ""));
  writeFileSync(path, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  const gone = foreign ? `; ${file} had the encryptionsalt of another checkout, which nothing here needs: removed` : "";
  return { variables, made: `made .state/passphrase: keep a copy of it and of .state, without them the secrets are lost${gone}` };
}

/** The Failure to end with where Pulumi said that the passphrase is wrong; undefined where it said something else. */
export function wrongPassphrase(text, environment, stack) {
  if (!text.includes("incorrect passphrase")) return undefined;
  const place = environment.PULUMI_CONFIG_PASSPHRASE === undefined ? environment.PULUMI_CONFIG_PASSPHRASE_FILE : "PULUMI_CONFIG_PASSPHRASE";
  const file = `Pulumi.${stack}.yaml`;
  const cause = `the secrets of stack ${stack} were encrypted with another one than that in ${place}`;
  return new Failure(
    "passphrase",
    cause,
    `${wayOut}; where ${file} came from another checkout and has nothing \`secure:\`, remove its line encryptionsalt`,
  );
}

const wayOut =
  'put your copy of it into .state/passphrase, or set PULUMI_CONFIG_PASSPHRASE to it; where there is none any more: docs/data.md, ".state"';

const stackFiles = (root) => readdirSync(root).filter((file) => /^Pulumi\..+\.yaml$/.test(file));

const read = (root, file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "");
