#!/bin/bash
# Puts a backup in the place of the live database and media files; runs as root, with the media files writable.
#   ID         a backup's id, or latest: the newest proven one
#   dump       /incoming/database.dump, a custom-format dump from elsewhere, and the files in /incoming/media or /incoming-media
#   discard    removes what earlier restores replaced
#   replaced   prints what earlier restores replaced
# Beside repository.sh's: BACKUP_DATABASE, MEDIA_USER (uid:gid of the app), BACKUP_READ_ONLY (the repository is another stack's); RESTORE_PAUSE_AT names a step to stop at for ever, for tests.
# Until the one statement that switches the databases, the live rows are as they were, and no media file is changed or removed.
set -Eeuo pipefail
umask 0077
. /usr/local/lib/backup/repository.sh
. /usr/local/lib/backup/content.sh
say() { echo "restore: $*"; }
fail() {
  echo "restore: $*" >&2
  exit 1
}

live=/run/postgresql
folder=/backup-work/restore/backup-work/backup
# restic keeps whole paths.
staged=$media/.restoring$media
fresh=${BACKUP_DATABASE}_restoring
stamp=$(date -u +%Y%m%d_%H%M%S)
replaced=${BACKUP_DATABASE}_replaced_$stamp

sql() { as_postgres psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --host=$live --dbname=postgres "$@"; }

step() {
  say "$2"
  if [ "${RESTORE_PAUSE_AT:-}" = "$1" ]; then sleep infinity; fi
}

drop_fresh() {
  sql --command="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$fresh'" > /dev/null 2>&1 || true
  sql --command="DROP DATABASE IF EXISTS $fresh" 2> /dev/null || true
}

clean_up() {
  drop_fresh
  rm -rf /backup-work/restore $media/.restoring
}

fetch() {
  local id=$1
  open_repository
  # Not even a lock is written to what isn't ours.
  if [ -n "${BACKUP_READ_ONLY:-}" ]; then repository_options+=(--no-lock); fi
  as_postgres timeout 60 restic "${repository_options[@]}" cat config > /dev/null 2> /tmp/messages || fail "can't open $BACKUP_TARGET: $(tail -n 1 /tmp/messages); nothing was touched"
  if [ "$id" = latest ]; then
    id=$(newest_verified)
    [ -n "$id" ] || fail "there is no proven backup of $BACKUP_HOST; nothing was touched"
  fi
  repository cat snapshot "$id" > /dev/null 2> /tmp/messages || fail "there is no backup $id; nothing was touched"
  as_postgres mkdir -p /backup-work/restore
  step fetching "reading backup $id"
  repository restore "$id" --target /backup-work/restore --include /backup-work/backup > /tmp/messages 2>&1 || fail "backup $id is damaged: $(tail -n 1 /tmp/messages); nothing was touched"
  (cd $folder && sha256sum --check --quiet files.sha256) || fail "backup $id isn't what was saved; nothing was touched"
  expected_media "$id" $folder > /tmp/expected
  # As root: whose the files were comes back with them.
  export RESTIC_CACHE_DIR=/tmp/cache
  mkdir -p $media/.restoring
  restic "${repository_options[@]}" restore "$id" --target $media/.restoring --include $media > /tmp/messages 2>&1 \
    || fail "the media files of backup $id are damaged: $(tail -n 1 /tmp/messages); nothing was touched"
  mkdir -p $staged
  [ ! -s /tmp/expected ] || (cd $staged && sha256sum --check --quiet /tmp/expected) || fail "the media files of backup $id aren't what was saved; nothing was touched"
}

# Prints the folder of media files from elsewhere; nothing where none came.
incoming_media() { for files in /incoming/media /incoming-media; do if [ -d $files ]; then echo $files; fi; done; }

take_incoming() {
  as_postgres mkdir -p $folder
  install -o 999 -g 999 -m 0600 /incoming/database.dump $folder/database.dump
  as_postgres pg_restore --list $folder/database.dump > /tmp/messages 2>&1 || fail "/incoming/database.dump isn't a whole dump in custom format (pg_dump --format=custom): $(tail -n 1 /tmp/messages); nothing was touched"
  mkdir -p $staged
  local files
  files=$(incoming_media)
  if [ -n "$files" ]; then cp -a "$files/." $staged/; fi
}

# Everything comes to belong to the app but for extensions, which only the superuser may make; a schema may be there for one.
fill_from_elsewhere() {
  local as_app=(--role="$BACKUP_DATABASE") schema='^[0-9]+; [0-9]+ [0-9]+ SCHEMA ' extension='^[0-9]+; [0-9]+ [0-9]+ (COMMENT - )?EXTENSION '
  restore_entries() {
    as_postgres pg_restore --host=$live --dbname=$fresh --exit-on-error --no-owner --no-privileges --use-list=$folder/entries "$@" $folder/database.dump
  }
  as_postgres pg_restore --list $folder/database.dump > /tmp/entries
  entries() { { grep -E "$@" /tmp/entries || true; } | as_postgres tee $folder/entries > /dev/null; }
  entries "$schema"
  restore_entries "${as_app[@]}"
  entries "$extension"
  restore_entries \
    || fail "an extension of the dump can't be created; fix: name an image that has it in postgres.image; the live database is as it was"
  entries --invert-match "$schema|$extension"
  restore_entries --jobs=2 "${as_app[@]}"
}

fill_fresh() {
  drop_fresh
  sql --command="CREATE DATABASE $fresh TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' OWNER $BACKUP_DATABASE"
  step filling "restoring the database beside the live one"
  if [ -f $folder/content ]; then
    ensure_roles $live $folder
    restore_dump $live $fresh $folder
  else
    fill_from_elsewhere
  fi
  sql --command="REVOKE ALL ON DATABASE $fresh FROM PUBLIC"
  as_postgres vacuumdb --quiet --analyze-only --host=$live --dbname=$fresh
  step filled "restored and equal to what was saved"
}

# Brings files in that the live folder lacks; what is there already and differs waits until the databases are switched.
add_media() {
  [ "$MEDIA_USER" = "" ] || chown -R -h "$MEDIA_USER" $media/.restoring
  perl $library/place-media.pl add $staged $media
  step added "added the media files that were missing"
}

# The rename holds a lock that nobody can connect under and waits five seconds for those who are; they are sent away meanwhile.
switch() {
  local ended=0
  (
    for _ in $(seq 50); do
      sleep 0.1
      sql --command="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$BACKUP_DATABASE' AND backend_type = 'client backend'" > /dev/null 2>&1 || true
    done
  ) &
  local sender=$!
  sql > /tmp/messages 2>&1 << SQL || ended=1
BEGIN;
ALTER DATABASE $BACKUP_DATABASE RENAME TO $replaced;
ALTER DATABASE $fresh RENAME TO $BACKUP_DATABASE;
COMMIT;
SQL
  kill $sender 2> /dev/null || true
  wait $sender 2> /dev/null || true
  [ $ended = 0 ] || fail "the databases couldn't be switched: $(tail -n 1 /tmp/messages); the live one is as it was"
  step switched "switched the databases"
}

# What the backup doesn't have, or has otherwise, is kept aside; only after the switch, for until then the live rows name it.
replace_media() {
  perl $library/place-media.pl replace $staged $media $media/.replaced-$stamp
  step replaced "put the media files in place"
}

restore() {
  take_turn
  trap 'clean_up' EXIT
  rm -rf /backup-work/restore $media/.restoring
  if [ "$1" = dump ]; then take_incoming; else fetch "$1"; fi
  fill_fresh
  add_media
  switch
  if [ "$1" != dump ] || [ -n "$(incoming_media)" ]; then replace_media; fi
  say "done; the database before is kept as $replaced"
}

replaced() {
  sql --command="SELECT datname FROM pg_database WHERE datname LIKE '${BACKUP_DATABASE}\\_replaced\\_%' ORDER BY 1"
  find $media -maxdepth 1 -name '.replaced-*' -printf 'media/%f\n' | sort
}

discard() {
  take_turn
  # And what one that was killed left.
  clean_up
  for database in $(replaced | grep -v ^media/ || true); do
    sql --command="DROP DATABASE $database"
    say "removed database $database"
  done
  for aside in $media/.replaced-*; do
    [ -d "$aside" ] || continue
    rm -rf "$aside"
    say "removed $(basename "$aside") of the media files"
  done
}

case ${1:-} in
  "") fail "which backup?" ;;
  discard) discard ;;
  replaced) replaced ;;
  *) restore "$1" ;;
esac
