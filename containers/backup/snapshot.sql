-- Prints the name of a snapshot of the database, whose tables nobody changes but in their rows until the session ends.
SET lock_timeout = '50s';
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
DO $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)' LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', relation);
  END LOOP;
END
$$;
SELECT pg_export_snapshot();
