/** Name of the database and of the role that owns everything in it; nobody logs in as it. */
export const database = "django";

/** Returns the login role that a password version uses; two take turns, so that a rotation never locks out the running version. */
export function loginRole(passwordVersion: number): string {
  return `${database}_${passwordVersion % 2 === 0 ? "even" : "odd"}`;
}

export interface DatabaseRolesArgs {
  /** Version in use; the version before keeps its role and password. */
  readonly passwordVersion: number;
  readonly password: string;
  readonly previousPassword: string;
  /** Whether the app may create databases, as `manage.py test` does. */
  readonly createDatabases: boolean;
  /** How long a request may run, in seconds; nothing that it asks the database for may take longer. */
  readonly requestSeconds: number;
  /** Extensions that the database has, and what `manage.py test` makes too. */
  readonly extensions: readonly string[];
}

/**
 * Renders the psql script that makes the roles and the database, or brings those of a kept volume up to date.
 *
 * Passwords must be letters and digits only.
 */
export function renderDatabaseRoles(args: DatabaseRolesArgs): string {
  const logins = [
    { role: loginRole(args.passwordVersion), password: args.password },
    { role: loginRole(args.passwordVersion - 1), password: args.previousPassword },
  ];
  for (const { password } of logins) {
    if (!/^[A-Za-z0-9]+$/.test(password)) throw new Error("a database password holds other characters than letters and digits");
  }
  return `${[
    "\\set ON_ERROR_STOP on",
    "\\set QUIET on",
    "SET log_statement = 'none';",
    "SET log_min_duration_statement = -1;",
    "SET log_min_error_statement = 'panic';",
    createRole(database, "NOLOGIN"),
    `ALTER ROLE ${database} NOLOGIN NOSUPERUSER NOCREATEROLE ${args.createDatabases ? "CREATEDB" : "NOCREATEDB"};`,
    ...logins.flatMap(({ role, password }) => [
      createRole(role, "NOLOGIN"),
      `GRANT ${database} TO ${role};`,
      `ALTER ROLE ${role} SET role TO '${database}';`,
      `ALTER ROLE ${role} SET statement_timeout TO '${args.requestSeconds}s';`,
      `ALTER ROLE ${role} SET lock_timeout TO '${args.requestSeconds}s';`,
      // A view may do other things between two queries of one transaction.
      `ALTER ROLE ${role} SET idle_in_transaction_session_timeout TO '${2 * args.requestSeconds}s';`,
      `ALTER ROLE ${role} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '${password}';`,
    ]),
    `SELECT 'CREATE DATABASE ${database} OWNER ${database}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${database}') \\gexec`,
    // An upgrade that was killed leaves it on.
    `ALTER DATABASE ${database} RESET default_transaction_read_only;`,
    `REVOKE ALL ON DATABASE ${database} FROM PUBLIC;`,
    // Nobody reaches the superuser over the network: it is the container's own user on the local socket.
    "ALTER ROLE postgres PASSWORD NULL;",
    ...(args.createDatabases ? createExtensions("template1", args.extensions) : []),
    ...createExtensions(database, args.extensions),
    `\\echo roles: ${loginRole(args.passwordVersion)} in use`,
  ].join("\n")}\n`;
}

/** One that is there is brought to the version that the image has. */
function createExtensions(name: string, extensions: readonly string[]): string[] {
  if (extensions.length === 0) return [];
  const create = (extension: string) => [`CREATE EXTENSION IF NOT EXISTS "${extension}" CASCADE;`, `ALTER EXTENSION "${extension}" UPDATE;`];
  return [`\\connect ${name}`, ...extensions.flatMap(create)];
}

function createRole(role: string, options: string): string {
  return `SELECT 'CREATE ROLE ${role} ${options}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') \\gexec`;
}
