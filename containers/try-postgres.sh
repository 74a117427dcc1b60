#!/bin/bash
# Starts a server of this image, with the settings given as arguments of `postgres`, over an empty database that is thrown away.
#   POSTGRES_VERSION      major version that the image must have
#   POSTGRES_INITDB_ARGS  arguments of initdb
#   POSTGRES_EXTENSIONS   extensions that it must have, separated by spaces
# The running server has to be stopped before another one may start on its data: what can't work is to be known by then.
set -euo pipefail

fail() {
  echo "postgres: $*" >&2
  exit 1
}
as_postgres() { setpriv --reuid=999 --regid=999 --clear-groups -- "$@"; }

command -v postgres > /dev/null || fail "postgres.image has no Postgres in it"
image_version=$(postgres --version | sed -n 's/.*PostgreSQL) \([0-9]*\).*/\1/p')
[ "$image_version" = "$POSTGRES_VERSION" ] || fail "postgres.image has version $image_version, and postgres.version is $POSTGRES_VERSION; fix: make them meet"
[ "$(as_postgres id -un 2> /dev/null)" = postgres ] || fail "user 999 of postgres.image isn't postgres; fix: take one that is made from the official image for Debian"

export PGDATA=/tmp/data PGHOST=/tmp
eval "arguments=($POSTGRES_INITDB_ARGS)"
as_postgres initdb --username=postgres --no-sync "${arguments[@]}" > /tmp/messages 2>&1 || fail "$(tail -n 3 /tmp/messages)"
# The lines that say why, without their time and process.
reason() { as_postgres grep -E 'FATAL|DETAIL|HINT' "$1" | sed -E 's/^[0-9-]+ [0-9:.]+ [A-Z]+ \[[0-9]+\] //' | head -n 3; }
as_postgres pg_ctl --log=/tmp/log --wait --timeout=60 --silent --options="$(printf '%q ' "${@:2}" -c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off)" start > /dev/null 2>&1 \
  || fail "the server doesn't start with postgres.settings and postgres.memory as they are: $(reason /tmp/log)"
for extension in $POSTGRES_EXTENSIONS; do
  as_postgres psql --no-psqlrc --quiet --dbname=postgres --set=ON_ERROR_STOP=1 --set=extension="$extension" <<< 'CREATE EXTENSION IF NOT EXISTS :"extension" CASCADE;' > /tmp/messages 2>&1 \
    || fail "postgres.extensions: $extension can't be created: $(grep -E 'ERROR|DETAIL|HINT' /tmp/messages | head -n 3); fix: name an image that has it in postgres.image, and what it must be loaded with in postgres.settings"
done
as_postgres pg_ctl --mode=immediate --silent stop
echo "postgres: a server of version $image_version starts with these settings"
