-- Prints what a database holds, a line a table: name, rows, and the sum of a 64-bit hash of every row, equal for equal rows in any order.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = '';
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SELECT format(
    'SELECT %L, count(*), coalesce(sum(hashtextextended("the row"::text, 0)), 0) FROM ONLY %I.%I AS "the row"',
    nspname || '.' || relname, nspname, relname)
  FROM pg_catalog.pg_class AS relation
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relnamespace
 WHERE relkind = 'r' AND relpersistence <> 't' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
   -- Rows of an extension's own tables come with the extension.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
                    WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objid = relation.oid AND deptype = 'e')
 ORDER BY (nspname || '.' || relname) COLLATE pg_catalog."C"
\gexec
SELECT 'large objects', count(*) FROM pg_catalog.pg_largeobject_metadata;
