#!/bin/bash
# Takes a database over from the running server of another major version, or goes back to that of an older one.
#   FROM, TO          major versions; TO is this image's own
#   FROM_DATA         folder of the other version's volume
#   TO_DATA           folder of this version's volume
#   POSTGRES_DATABASE the database
#   POSTGRES_PRELOAD_LIBRARIES  what the server loads at its start
# The other server's socket is in /run/other, /run/roles.sql makes the roles. Until the end the other server stays as it was, but that
# nobody can write to it; whatever fails ends that too.
set -Eeuo pipefail
umask 0077

say() { echo "upgrade: $*"; }
fail() {
  echo "upgrade: $*" >&2
  exit 1
}
as_postgres() { setpriv --reuid=999 --regid=999 --clear-groups -- "$@"; }
other() { as_postgres psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --host=/run/other --dbname=postgres "$@"; }
release_of() { as_postgres psql --no-psqlrc --no-align --tuples-only --host="$1" --dbname=postgres --command="SHOW server_version" | cut -d ' ' -f 1; }
content_of() { as_postgres psql --no-psqlrc --quiet --host="$1" --dbname="$POSTGRES_DATABASE" --file=/run/content.sql; }

# Before 18 the official image keeps the data in the volume's own root.
data_folder() { if [ "$1" -ge 18 ]; then echo "$2/$1/docker"; else echo "$2"; fi; }
holds_database() { [ -s "$(data_folder "$1" "$2")/PG_VERSION" ]; }

new_socket=/tmp/new
staging=$TO_DATA/.upgrading
fresh=$staging/data

running() { other --command="SHOW server_version_num" 2> /dev/null | sed 's/....$//'; }

# Ends the sessions that began before now: those at rest at once, the others after ten seconds, or when they come to rest.
send_away() {
  local began idle others
  began=$(other --command="SELECT now()")
  for try in $(seq 20); do
    idle="AND state = 'idle'"
    [ "$try" -lt 20 ] || idle=""
    others="FROM pg_stat_activity WHERE datname = '$POSTGRES_DATABASE' AND backend_type = 'client backend' AND backend_start < '$began'"
    other --command="SELECT pg_terminate_backend(pid) $others $idle" > /dev/null
    if [ "$(other --command="SELECT count(*) $others")" = 0 ]; then return 0; fi
    sleep 0.5
  done
}

# As a setting of the database it outlives the end of this script, until the new server is there; sessions have it from their beginning.
forbid_writing() {
  other --command="ALTER DATABASE $POSTGRES_DATABASE SET default_transaction_read_only = on"
  send_away
}

allow_writing() {
  other --command="ALTER DATABASE $POSTGRES_DATABASE RESET default_transaction_read_only" && send_away || true
}

give_up() {
  as_postgres pg_ctl --pgdata="$fresh" --mode=immediate --silent stop 2> /dev/null || true
  rm -rf "$staging"
  allow_writing
  say "version $FROM goes on as before"
}

copy() {
  rm -rf "$staging"
  install -d -o 999 -g 999 -m 0700 "$staging" $new_socket
  local arguments
  eval "arguments=($POSTGRES_INITDB_ARGS)"
  as_postgres initdb --pgdata="$fresh" --username=postgres --pwfile=/run/stack/initial/password "${arguments[@]}" > /dev/null
  # As the official image's entry point ends a new one.
  printf '\nhost all all all scram-sha-256\n' >> "$fresh/pg_hba.conf"
  as_postgres pg_ctl --pgdata="$fresh" --log=/tmp/log --wait --timeout=120 --silent --options="-c listen_addresses='' -c unix_socket_directories=$new_socket -c max_wal_size=4GB -c shared_preload_libraries=$(printf %q "$POSTGRES_PRELOAD_LIBRARIES")" start \
    || fail "version $TO doesn't start: $(tail -n 1 /tmp/log)"
  as_postgres psql --no-psqlrc --quiet --host=$new_socket --dbname=postgres < /run/roles.sql > /dev/null
  # Roles that somebody made by hand.
  other --command="SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'" | while read -r role; do
    as_postgres psql --no-psqlrc --quiet --host=$new_socket --dbname=postgres --set=ON_ERROR_STOP=1 --set=role="$role" <<< \
      "SELECT format('CREATE ROLE %I NOLOGIN', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec"
  done
  say "copying the database from version $FROM to $TO"
  as_postgres pg_dump --host=/run/other --format=custom --compress=0 --lock-wait-timeout=60s "$POSTGRES_DATABASE" \
    | as_postgres pg_restore --host=$new_socket --dbname="$POSTGRES_DATABASE" --exit-on-error \
    || fail "Postgres $(release_of $new_socket) doesn't take the database of $(release_of /run/other), for the reason above; fix: mend what it names, or, where $FROM's release is the later one, name a later one of $TO in postgres.image"
  content_of /run/other > /tmp/before
  content_of $new_socket > /tmp/after
  diff /tmp/before /tmp/after > /tmp/differences || fail "the copy isn't equal: $(sed -n 's/^[<>] \([^|]*\)|.*/\1/p' /tmp/differences | sort -u | head -n 5 | paste -sd ' ')"
  as_postgres vacuumdb --quiet --analyze-only --host=$new_socket --dbname="$POSTGRES_DATABASE"
  as_postgres pg_ctl --pgdata="$fresh" --mode=fast --wait --timeout=300 --silent stop
  say "equal: $(($(wc -l < /tmp/after) - 1)) tables, $(awk -F'|' '{ rows += $2 } END { print rows + 0 }' /tmp/after) rows"
}

# What makes it a database comes last.
put_in_place() {
  local place
  place=$(data_folder "$TO" "$TO_DATA")
  if [ "$place" != "$TO_DATA" ]; then
    rm -rf "$place"
    install -d -o 999 -g 999 -m 0700 "$(dirname "$place")"
    mv "$fresh" "$place"
  else
    find "$TO_DATA" -mindepth 1 -maxdepth 1 ! -name .upgrading -exec rm -rf {} +
    find "$fresh" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv {} "$TO_DATA/" \;
    mv "$fresh/PG_VERSION" "$TO_DATA/"
    chown 999:999 "$TO_DATA"
    chmod 0700 "$TO_DATA"
  fi
  rm -rf "$staging"
}

leave() {
  install -o 999 -g 999 -m 0600 /tmp/before "$TO_DATA/taken-from-$FROM"
  install -o 999 -g 999 -m 0600 /dev/null "$FROM_DATA/left-for-$TO"
  rm -f "$TO_DATA/left-for-$FROM"
}

if ! holds_database "$FROM" "$FROM_DATA"; then
  say "there is no database of version $FROM: nothing to do"
  exit 0
fi
if holds_database "$TO" "$TO_DATA" && [ ! -e "$TO_DATA/left-for-$FROM" ]; then
  if [ -e "$FROM_DATA/left-for-$TO" ]; then
    say "version $TO has the data already"
    exit 0
  fi
  fail "the volumes of versions $FROM and $TO both hold a database, and nothing says which is the newer one; fix: set postgres.upgradeFrom to none and postgres.version to the one to go on with, and remove the other volume once you are sure"
fi
[ "$(running)" = "$FROM" ] || fail "no server of version $FROM runs to take the database from; fix: set postgres.version to $FROM and postgres.upgradeFrom to none, npm run up, then try again"

trap give_up EXIT
forbid_writing
if [ "$TO" -lt "$FROM" ]; then
  [ -e "$FROM_DATA/taken-from-$TO" ] && holds_database "$TO" "$TO_DATA" || fail "there is no database of version $TO to go back to, and none can be made from a newer version's"
  content_of /run/other > /tmp/before
  diff "$FROM_DATA/taken-from-$TO" /tmp/before > /tmp/differences \
    || fail "rows were written since the upgrade to version $FROM ($(sed -n 's/^[<>] \([^|]*\)|.*/\1/p' /tmp/differences | sort -u | head -n 5 | paste -sd ' ')): going back to version $TO would lose them; fix: keep postgres.version $FROM"
  say "nothing was written since the upgrade: going back to version $TO"
else
  copy
  put_in_place
fi
leave
trap - EXIT
say "done; the volume of version $FROM stays as it is"
