import { expect, test } from "vitest";
import { loginRole, renderDatabaseRoles } from "../../components/database-roles.ts";

test("two login roles take turns", () => {
  expect([1, 2, 3].map(loginRole)).toEqual(["django_odd", "django_even", "django_odd"]);
});

test("the script, word for word", () => {
  expect(
    renderDatabaseRoles({ passwordVersion: 2, password: "new", previousPassword: "old", createDatabases: false, requestSeconds: 30, extensions: [] }),
  ).toBe(`\\set ON_ERROR_STOP on
\\set QUIET on
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT 'CREATE ROLE django NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'django') \\gexec
ALTER ROLE django NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB;
SELECT 'CREATE ROLE django_even NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'django_even') \\gexec
GRANT django TO django_even;
ALTER ROLE django_even SET role TO 'django';
ALTER ROLE django_even SET statement_timeout TO '30s';
ALTER ROLE django_even SET lock_timeout TO '30s';
ALTER ROLE django_even SET idle_in_transaction_session_timeout TO '60s';
ALTER ROLE django_even LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'new';
SELECT 'CREATE ROLE django_odd NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'django_odd') \\gexec
GRANT django TO django_odd;
ALTER ROLE django_odd SET role TO 'django';
ALTER ROLE django_odd SET statement_timeout TO '30s';
ALTER ROLE django_odd SET lock_timeout TO '30s';
ALTER ROLE django_odd SET idle_in_transaction_session_timeout TO '60s';
ALTER ROLE django_odd LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'old';
SELECT 'CREATE DATABASE django OWNER django' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'django') \\gexec
ALTER DATABASE django RESET default_transaction_read_only;
REVOKE ALL ON DATABASE django FROM PUBLIC;
ALTER ROLE postgres PASSWORD NULL;
\\echo roles: django_even in use
`);
});

test("fails on a password that would have to be quoted, without showing it", () => {
  const render = () =>
    renderDatabaseRoles({ passwordVersion: 1, password: "a'b", previousPassword: "x", createDatabases: true, requestSeconds: 30, extensions: [] });
  expect(render).toThrow("a database password holds other characters than letters and digits");
  expect(render).not.toThrow("a'b");
});

test("extensions are the superuser's to make, after the passwords; where tests make databases, those have them too", () => {
  const render = (createDatabases: boolean) =>
    renderDatabaseRoles({
      ...{ passwordVersion: 1, password: "new", previousPassword: "old", requestSeconds: 30 },
      createDatabases,
      extensions: ["postgis", "uuid-ossp"],
    });
  const lines = (database: string) => `\\connect ${database}
CREATE EXTENSION IF NOT EXISTS "postgis" CASCADE;
ALTER EXTENSION "postgis" UPDATE;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" CASCADE;
ALTER EXTENSION "uuid-ossp" UPDATE;
`;
  const end = "\\echo roles: django_odd in use\n";
  expect(render(false).split("ALTER ROLE postgres PASSWORD NULL;\n")[1]).toBe(`${lines("django")}${end}`);
  expect(render(true).split("ALTER ROLE postgres PASSWORD NULL;\n")[1]).toBe(`${lines("template1")}${lines("django")}${end}`);
});
