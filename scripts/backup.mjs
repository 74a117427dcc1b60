// npm run backup: makes, lists and proves a stack's backups.
import { readArguments } from "./arguments.mjs";
import { askBackup, backupContainer, listBackups, readStatus, renderBackup, renderStatus, runBackup } from "./backup/container.mjs";
import { replacedBefore } from "./backup/restore-job.mjs";
import { ensureDocker } from "./setup/docker.mjs";
import { nameOf, useHostOf } from "./setup/stack-config.mjs";
import { fail, wrongUse } from "./setup/terminal.mjs";

const usage = `Makes a backup of a stack's database and media files, or says what there is.

  npm run backup -- <stack> [now | list | status | verify [id]]

  now     makes one and proves it: restores it where nobody sees it, and compares (the default)
  list    what is kept
  status  the last proven one, the last failure; exit code 1 when the last proven one is older than backup.maxAgeHours
  verify  proves one again: the newest, or the one with that id

Example: npm run backup -- prod status`;

const commands = ["now", "list", "status", "verify"];

try {
  const { stack, further } = readArguments(process.argv.slice(2), { usage, flags: [], most: 2 });
  const [command = "now", id] = further;
  if (!commands.includes(command)) wrongUse(`${command}: unknown; allowed: ${commands.join(", ")}`, usage);
  if (id !== undefined && command !== "verify") wrongUse(`${id}: ${command} takes no id`, usage);
  useHostOf(stack);
  const docker = ensureDocker({ install: false, print: () => {} });
  const owner = { name: nameOf(stack), stack };
  const container = backupContainer(docker, owner);
  if (command === "list") {
    const backups = listBackups(docker, container);
    process.stdout.write(backups.length === 0 ? "no backups yet\n" : `${backups.map(renderBackup).join("\n")}\n`);
  } else if (command === "status") {
    process.exitCode = printStatus(docker, container, owner);
  } else process.exitCode = runBackup(docker, container, id === undefined ? [command] : [command, id]) === 0 ? 0 : 1;
} catch (error) {
  fail(error);
}

function printStatus(docker, container, owner) {
  const attempt = (work) => {
    try {
      return work();
    } catch (error) {
      if (error?.name !== "Failure") throw error;
      return error.message;
    }
  };
  const late = attempt(() => askBackup(docker, container, ["late"])).split("\n")[0];
  const kept = attempt(() => listBackups(docker, container));
  process.stdout.write(
    `${renderStatus({ status: readStatus(docker, container), kept, replaced: replacedBefore(docker, owner), late, now: Date.now() })}\n`,
  );
  return late === "" ? 0 : 1;
}
