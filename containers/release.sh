#!/bin/sh
# Prepares the database and the static files for a release; any failure keeps the release from being started.
#   WSGI_MODULE              what gunicorn loads; empty: another server
#   RELEASE_TIMEOUT_SECONDS  how long migrations may take
#   STATIC_SOURCE            where the image holds what collectstatic gathered; empty: nothing to publish
#   DJANGO_SUPERUSER_*       an administrator to create once; no name: none
set -eu

if [ -n "$WSGI_MODULE" ]; then
  echo "release: loading $WSGI_MODULE"
  # A release that can't even start must not touch the database.
  gunicorn --check-config "$WSGI_MODULE"
fi

echo "release: migrating"
timeout --kill-after=10 "$RELEASE_TIMEOUT_SECONDS" python manage.py migrate --noinput

if [ -n "$STATIC_SOURCE" ]; then
  if [ ! -d "$STATIC_SOURCE" ]; then
    echo "release: the image has no $STATIC_SOURCE; run collectstatic in the Dockerfile, or correct app.staticRoot" >&2
    exit 1
  fi
  echo "release: publishing static files"
  cd "$STATIC_SOURCE"
  # Files of earlier releases stay: pages that were sent before the switch still ask for them.
  find . -type d -exec mkdir -p "/vol/web/static/{}" \;
  find . -type f ! -name staticfiles.json | while read -r file; do
    published=/vol/web/static/$file
    if ! cmp -s "$file" "$published"; then
      cp "$file" "$published.incoming"
      chmod 0644 "$published.incoming"
      mv -f "$published.incoming" "$published"
    fi
  done
  cd - > /dev/null
fi

if [ -n "${DJANGO_SUPERUSER_USERNAME:-}" ]; then
  exists='
import os
from django.contrib.auth import get_user_model
model = get_user_model()
wanted = {model.USERNAME_FIELD: os.environ["DJANGO_SUPERUSER_USERNAME"]}
print("exists" if model._default_manager.filter(**wanted).exists() else "missing")'
  if [ "$(python manage.py shell --no-imports -c "$exists" 2>/dev/null || python manage.py shell -c "$exists" | tail -n 1)" = missing ]; then
    echo "release: creating superuser $DJANGO_SUPERUSER_USERNAME"
    python manage.py createsuperuser --noinput
  fi
fi
echo "release: done"
