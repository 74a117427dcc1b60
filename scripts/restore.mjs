// npm run restore: puts a backup, or a dump from elsewhere, in the place of a stack's database and media files.
import { existsSync, statSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { readArguments, requireStack } from "./arguments.mjs";
import { migrate, runRestore, withIncoming } from "./backup/restore-job.mjs";
import { ensureDocker } from "./setup/docker.mjs";
import { Failure } from "./setup/process.mjs";
import { hostOf, isDevelopment, nameOf, useHostOf } from "./setup/stack-config.mjs";
import { fail, wrongUse } from "./setup/terminal.mjs";

const usage = `Puts a backup in the place of a stack's database and media files. It is read and checked first and restored beside what is live; only
then both change places. What was live before is kept until you discard it.

  npm run restore -- <stack> <id | latest> [--from=<stack>] [--yes]
  npm run restore -- <stack> --dump=<file> [--media=<folder> | --media-volume=<volume>] [--yes]
  npm run restore -- <stack> --discard [--yes]

  --from          take another stack's backup, of the same Docker host
  --dump          take a dump from elsewhere: pg_dump --format=custom
  --media         and these media files, which stay as they are
  --media-volume  the same from a volume of the Docker host
  --discard       remove what earlier restores replaced
  --yes           don't ask

Example: npm run restore -- prod latest`;

try {
  const flags = ["--from=", "--dump=", "--media=", "--media-volume=", "--discard", "--yes"];
  const { stack, flags: given, further } = readArguments(process.argv.slice(2), { usage, flags, most: 1 });
  const [id] = further;
  const wanted = [id, given.dump, given.discard].filter((way) => way !== undefined);
  if (wanted.length !== 1) wrongUse("give one of: a backup's id or latest, --dump, --discard", usage);
  if (given.from !== undefined) requireSameHost(given.from, stack);
  if (given.dump === undefined && (given.media ?? given["media-volume"]) !== undefined) wrongUse("--media and --media-volume go with --dump", usage);
  if (given.dump !== undefined && !existsSync(given.dump)) throw new Failure("restore", `${given.dump} isn't there`, "correct the path");
  if (given.media !== undefined && !(existsSync(given.media) && statSync(given.media).isDirectory()))
    throw new Failure("restore", `${given.media} isn't a folder`, "correct the path");
  useHostOf(stack);
  const docker = ensureDocker({ install: false, print: () => {} });
  const owner = { name: nameOf(stack), stack };
  const from = given.from === undefined ? undefined : { name: nameOf(given.from), stack: given.from };
  await confirm(stack, given);
  process.exitCode = (await work(docker, owner, { id, from, given })) === 0 ? 0 : 1;
} catch (error) {
  fail(error);
}

/** The backup comes from a volume, or with the access of a container, of the engine that the restore runs on. */
function requireSameHost(from, stack) {
  requireStack(from, usage);
  const [theirs, ours] = [from, stack].map((name) => hostOf(name) ?? "the default one");
  if (theirs === ours) return;
  const fix = "make the dump there, with pg_dump --format=custom, and give it as --dump";
  throw new Failure("restore", `stack ${from} is on another Docker engine (${theirs}) than ${stack} (${ours})`, fix);
}

async function work(docker, owner, { id, from, given }) {
  if (given.discard) return runRestore(docker, owner, { words: ["discard"] });
  const code =
    given.dump === undefined
      ? await runRestore(docker, owner, { from, words: [id] })
      : await withIncoming(docker, owner, given, (volumes) => {
          const media = given["media-volume"] === undefined ? {} : { "/incoming-media": given["media-volume"] };
          return runRestore(docker, owner, { incoming: { ...volumes, ...media }, words: ["dump"] });
        });
  return code === 0 ? migrate(docker, owner) : code;
}

async function confirm(stack, { yes, discard }) {
  if (yes || isDevelopment(stack)) return;
  if (!process.stdin.isTTY) wrongUse("no terminal to ask at; fix: add --yes", usage);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const what = discard ? "removes for good what earlier restores replaced" : "replaces the live database and media files";
  const answer = await terminal.question(`This ${what} of stack ${stack}. Type the stack's name to go on: `);
  terminal.close();
  if (answer !== stack)
    throw new Failure("restore", `got ${JSON.stringify(answer)} in place of the stack's name; nothing was touched`, `type ${stack}`);
}
