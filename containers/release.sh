#!/bin/sh
# Prepares the database and the static files for a release; any failure keeps the release from being started.
#   WSGI_MODULE              what gunicorn loads; empty: another server
#   WORKER_CLASS             gunicorn's worker class
#   CACHE_SESSION_COOKIES    cookies by which nginx' cache knows who is somebody; empty: no cache
#   HEALTH_PATH              what a replica must answer with 200
#   LOGIN_PATHS              where nginx limits attempts to log in, * for any one part; empty: nowhere
#   RELEASE_TIMEOUT_SECONDS  how long migrations may take
#   STATIC_SOURCE            where the image holds what collectstatic gathered; empty: nothing to publish
#   DJANGO_SUPERUSER_*       an administrator to create once; no name: none
set -eu

# On a volume, which outlives this job.
work=$(mktemp -d -t release.XXXXXXXXXX)
leave() {
  if [ -n "${packing:-}" ]; then
    kill "$packing" 2> /dev/null || true
    wait "$packing" || true
  fi
  rm -rf "$work"
}
trap leave EXIT

# A release that can't start must not touch the database; whatever is wrong with it is told at once.
fit=yes
if [ -n "$STATIC_SOURCE" ]; then
  if [ -d "$STATIC_SOURCE" ]; then
    # Packing takes about as long as all else that comes before publishing; a release that fails by then has published nothing.
    mkdir "$work/static"
    static() { exec python "${0%/*}/publish-static.py" "$1" "$STATIC_SOURCE" /vol/web/static "$work/static"; }
    static pack &
    packing=$!
  else
    fit=no
  fi
fi
if [ -n "$WSGI_MODULE" ]; then
  echo "release: loading $WSGI_MODULE"
  python "${0%/*}/check-release.py" "$WSGI_MODULE" "$WORKER_CLASS" "$work/settings" || fit=no
  # manage.py may have others by default, such as those for development.
  if [ -s "$work/settings" ]; then export DJANGO_SETTINGS_MODULE="$(cat "$work/settings")"; fi
else
  python manage.py shell --verbosity 0 --command "import runpy; runpy.run_path('${0%/*}/check-release.py', run_name='development')" || fit=no
fi
if [ -n "$STATIC_SOURCE" ] && [ ! -d "$STATIC_SOURCE" ]; then
  echo "release: the image has no $STATIC_SOURCE; run collectstatic in the Dockerfile, or correct app.staticRoot" >&2
fi
[ $fit = yes ] || exit 1

migrate() {
  code=0
  timeout -k 10 "$RELEASE_TIMEOUT_SECONDS" python manage.py migrate --noinput 2> "$work/messages" || code=$?
  cat "$work/messages" >&2
}

# Waits until no dump keeps the tables as they are; fails where there is none, for then somebody else holds the lock. While it waits it
# asks for no lock itself, behind which requests would queue.
await_dump='
import os, sys, time
from django.db import connection
dumps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name IN (%s, %s)"
def running():
    with connection.cursor() as cursor:
        cursor.execute(dumps, ["django-stack backup", "pg_dump"])
        return cursor.fetchone()[0] > 0
if connection.vendor != "postgresql" or not running():
    sys.exit(1)
limit = int(os.environ["RELEASE_TIMEOUT_SECONDS"])
print(f"release: a backup reads the tables; waiting for its end, {limit} s at most", flush=True)
end = time.monotonic() + limit
while running():
    if time.monotonic() > end:
        sys.exit("release: the backup still reads them")
    time.sleep(1)'

echo "release: migrating"
migrate
if [ $code -ne 0 ] && grep -q 'lock timeout' "$work/messages" && python manage.py shell --verbosity 0 --command "$await_dump"; then
  echo "release: migrating once more"
  migrate
fi
[ $code -eq 0 ] || exit $code

if [ -n "$STATIC_SOURCE" ]; then
  echo "release: publishing static files"
  # What couldn't be packed beforehand is packed now.
  wait "$packing" || true
  packing=
  (static publish)
fi

if [ -n "${DJANGO_SUPERUSER_USERNAME:-}" ]; then
  exists='
import os
from django.contrib.auth import get_user_model
model = get_user_model()
name = os.environ["DJANGO_SUPERUSER_" + model.USERNAME_FIELD.upper()]
print("exists" if model._default_manager.filter(**{model.USERNAME_FIELD: name}).exists() else "missing")'
  state=$(python manage.py shell --verbosity 0 --command "$exists")
  # The project may print lines of its own as it is loaded.
  case "$state" in
    *exists) ;;
    *missing)
      echo "release: creating superuser $DJANGO_SUPERUSER_USERNAME"
      python manage.py createsuperuser --noinput
      ;;
    *)
      echo "release: can't tell whether superuser $DJANGO_SUPERUSER_USERNAME exists: $state" >&2
      exit 1
      ;;
  esac
fi
echo "release: done"
