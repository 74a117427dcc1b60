-- Prints, as JSON, what else a backup says of the database.
SELECT to_regclass('public.django_migrations') IS NOT NULL AS django \gset
\if :django
SELECT coalesce(json_object_agg(app, name ORDER BY app), '{}') AS migrations
  FROM (SELECT DISTINCT ON (app) app, name FROM public.django_migrations ORDER BY app, id DESC) AS heads \gset
\else
\set migrations '{}'
\endif
SELECT json_build_object('postgres', current_setting('server_version'), 'databaseBytes', pg_database_size(current_database()),
                         'migrations', :'migrations'::json);
