import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Visitor } from "../../bench/load/load.ts";

/** Runs a program in the shell of `manage.py`, by the entry script, which knows the secrets. */
const byEntryScript = ["sh", "-c", 'exec sh "$(ls -d /run/stack/current)/entry.sh" run python manage.py shell --command "$0"'];

/** Runs a Python program in Django's shell inside a container and returns what it printed. */
export function runInShell(container: string, program: string, shell: readonly string[] = byEntryScript): string {
  return execFileSync("docker", ["exec", container, ...shell, program], { encoding: "utf8" });
}

/**
 * Logs `count` visitors in as a user of the site, without asking for passwords; returns their sessions.
 *
 * @param shell command, the program being its next word. @default - the stack's own way
 */
export function visitors(container: string, username: string, count: number, shell: readonly string[] = byEntryScript): Visitor[] {
  const program = `
from importlib import import_module
from django.conf import settings
from django.contrib import auth
user = auth.get_user_model().objects.get(username="${username}")
for _ in range(${count}):
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[auth.SESSION_KEY] = str(user.pk)
    session[auth.BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    print("session", session.session_key)
`;
  const printed = runInShell(container, program, shell);
  return [...printed.matchAll(/^session (\S+)$/gm)].map(([, session]) => ({ session, csrfToken: randomBytes(16).toString("hex") }));
}
