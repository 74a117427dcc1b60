#!/bin/bash
# Makes backups of a database and its media files, and proves each of them by restoring it.
#   serve       makes one at every time of day in BACKUP_TIMES (UTC), for ever; one at once where there is none, or the last that it made is older than a day
#   now         makes one, waits for its proof, and prints its id
#   verify [ID] proves one again; the newest by default
#   prune       removes what is older than what should be kept
#   known       prints whether there are some, or none; fails where that can't be told
#   list        prints what there is, as restic's JSON
#   status      prints the last results as NAME=value lines
#   late        fails when the last proven one is older than BACKUP_MAX_AGE_HOURS
#   health      the same, once the container has run for five minutes: what mends a failing backup must be able to start
# Beside repository.sh's: BACKUP_DATABASE, BACKUP_KEEP_DAILY, BACKUP_KEEP_WEEKLY, BACKUP_KEEP_MONTHLY.
set -Eeuo pipefail
umask 0077
. /usr/local/lib/backup/repository.sh
. /usr/local/lib/backup/content.sh
open_repository

live=/run/postgresql

# Leaves database.dump, content, roles and facts in /work/backup, all from one snapshot of the database.
dump_database() {
  trap '' PIPE
  coproc session { exec psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --host=$live --dbname="$BACKUP_DATABASE" 9>&-; }
  local session_pid=$session_PID snapshot dump
  local input=${session[1]}
  printf 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n' >&"$input"
  read -r -t 60 snapshot <&"${session[0]}" || fail "the database doesn't answer"
  # Not packed: restic packs it, and finds in it what it has from the day before.
  pg_dump --host=$live --snapshot="$snapshot" --format=custom --compress=none --lock-wait-timeout=60s --file=/work/backup/database.dump "$BACKUP_DATABASE" 9>&- &
  dump=$!
  { echo '\o /work/backup/facts'; cat $library/facts.sql; echo '\o /work/backup/content'; cat $library/content.sql; echo '\o'; } >&"$input" \
    || fail "the database went away"
  wait "$dump" || fail "the dump failed"
  exec {input}>&-
  wait "$session_pid" || fail "the database's content can't be read"
  psql --no-psqlrc --quiet --no-align --tuples-only --host=$live --dbname="$BACKUP_DATABASE" \
    --command="SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1" > /work/backup/roles
}

# Leaves media.sha256 in /work/backup, and prints a line for each file that tells whether it is still the same.
hash_media() {
  cd $media
  media_files | xargs -0 -r sha256sum > /work/backup/media.sha256 || return 1
  cd - > /dev/null
}
media_state() { cd $media && media_files | xargs -0 -r stat --format='%n %s %y' 2> /dev/null | LC_ALL=C sort; }

write_manifest() {
  cd /work/backup
  sha256sum database.dump content roles media.sha256 > files.sha256
  printf '{"format":1,"stack":"%s","made":"%s","tables":%s,"rows":%s,"mediaFiles":%s,"facts":%s}\n' \
    "$BACKUP_HOST" "$1" "$(($(wc -l < content) - 1))" "$(awk -F'|' '{ rows += $2 } END { print rows + 0 }' content)" "$(wc -l < media.sha256)" "$(cat facts)" \
    > manifest.json
  sha256sum manifest.json >> files.sha256
  cd - > /dev/null
}

# Stores /work/backup and the media files as one snapshot and sets `id`; a file that vanished or changed meanwhile means another try.
store() {
  local made=$1 code before after summary
  for attempt in 1 2 3 4 5; do
    before=$(media_state)
    if hash_media; then
      write_manifest "$made"
      code=0
      summary=$(repository backup --json --host "$BACKUP_HOST" --tag unverified --group-by host --exclude $media/.restoring --exclude "$media/.replaced-*" \
        /work/backup $media 9>&- 2> /work/messages) || code=$?
      id=$(sed -n 's/.*"message_type":"summary".*"snapshot_id":"\([0-9a-f]\{8\}\).*/\1/p' <<< "$summary")
      case $code in
        0)
          after=$(media_state)
          # New files do no harm.
          if [ -z "$(LC_ALL=C comm -23 <(echo "$before") <(echo "$after"))" ]; then return 0; fi
          ;;
        3) ;;
        *) fail "$BACKUP_TARGET took no backup: $(tail -n 1 /work/messages)" ;;
      esac
      if [ -n "$id" ]; then repository forget "$id" > /dev/null; fi
    fi
    say "media files changed meanwhile: trying again"
  done
  fail "media files changed during each of 5 tries"
}

# Restores a backup where nobody sees it and compares all of it with what it should hold.
prove() {
  rm -rf /work/verify
  mkdir /work/verify
  repository restore "$1" --target /work/verify --include /work/backup > /work/messages 2>&1 9>&- || fail "backup $1 can't be read: $(tail -n 1 /work/messages)"
  local folder=/work/verify/work/backup
  (cd $folder && sha256sum --check --quiet files.sha256) || fail "backup $1 isn't what was saved"
  start_scratch
  ensure_roles /work/scratch $folder
  createdb --host=/work/scratch --username=postgres --template=template0 --encoding=UTF8 --locale=C.UTF-8 --owner="$BACKUP_DATABASE" "$BACKUP_DATABASE"
  restore_dump /work/scratch "$BACKUP_DATABASE" $folder
  stop_scratch
  # Read as a stream: there may be no room for all of them twice.
  repository dump "$1" $media --archive tar 9>&- 2> /work/messages \
    | tar --extract --file=- --to-command="sh $library/hash-entry.sh" > /work/verify/media || fail "media files of backup $1 can't be read: $(tail -n 1 /work/messages)"
  if [ -n "$(LC_ALL=C comm -23 <(LC_ALL=C sort $folder/media.sha256) <(LC_ALL=C sort /work/verify/media))" ]; then
    fail "media files of backup $1 aren't what was saved"
  fi
}

clean_up() {
  stop_scratch
  rm -rf /work/backup /work/verify
}

make_backup() {
  take_turn
  local began=$SECONDS made id
  trap 'clean_up' EXIT
  clean_up
  ensure_repository
  mkdir /work/backup
  made=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  dump_database
  store "$made"
  say "made $id in $((SECONDS - began)) s; restoring it"
  prove "$id"
  repository tag --set verified "$id" > /dev/null
  id=$(newest_verified)
  set_status "verified_id=$id" "verified_at=$(date +%s)" failed_at= failure=
  say "proved $id: $(wc -l < /work/backup/media.sha256) media files, $(awk -F'|' '{ rows += $2 } END { print rows + 0 }' /work/backup/content) rows; $((SECONDS - began)) s in all"
  prune
}

# Only what is proven counts, all of the last day's too; what isn't proven stays two days, to be looked at.
prune() {
  repository forget --host "$BACKUP_HOST" --group-by host --tag verified --keep-within 1d --keep-daily "$BACKUP_KEEP_DAILY" --keep-weekly "$BACKUP_KEEP_WEEKLY" \
    --keep-monthly "$BACKUP_KEEP_MONTHLY" > /dev/null 2> /work/messages \
    && repository forget --host "$BACKUP_HOST" --group-by host --tag unverified --keep-within 2d --prune > /dev/null 2> /work/messages \
    || echo "backup: old backups can't be removed: $(tail -n 1 /work/messages)" >&2
}

# Runs a command as a process of its own, where an error ends it, and keeps in the status what it failed with.
recorded() {
  local code=0
  : > /work/last-error
  bash "$0" "$@" 2> >(tee /work/last-error >&2) || code=$?
  if [ $code -ne 0 ]; then set_status "failed_at=$(date +%s)" "failure=$(grep '^backup: ' /work/last-error | tail -n 1 | cut -c 9-500)"; fi
  return $code
}

verify_again() {
  take_turn
  trap 'clean_up' EXIT
  clean_up
  ensure_repository
  local id=${1:-$(newest_verified)}
  [ -n "$id" ] || fail "there is no backup yet"
  prove "$id"
  say "proved $id"
}

seconds_until_next() {
  local now soonest= at
  now=$(date +%s)
  for time in $BACKUP_TIMES; do
    at=$(date -u -d "today $time UTC" +%s)
    [ "$at" -gt "$now" ] || at=$(date -u -d "tomorrow $time UTC" +%s)
    if [ -z "$soonest" ] || [ "$at" -lt "$soonest" ]; then soonest=$at; fi
  done
  echo $((soonest - now))
}

serve() {
  trap 'kill $(jobs -p) 2> /dev/null; exit 0' TERM INT
  date +%s > /tmp/started
  [ -n "$(status_value watched_since)" ] || set_status "watched_since=$(date +%s)"
  local verified delay known
  verified=$(status_value verified_at)
  delay=$(seconds_until_next)
  if [ -n "$verified" ]; then
    if [ $(($(date +%s) - verified)) -gt 86400 ]; then delay=1; fi
  else
    # A new machine that waits for one of those that are there makes none of its own yet: a backup of its emptiness would be the latest.
    until known=$(bash "$0" known 2> /work/last-error); do
      cat /work/last-error >&2
      set_status "failed_at=$(date +%s)" "failure=$(tail -n 1 /work/last-error | cut -c 9-500)"
      sleep 900 &
      wait $!
    done
    if [ "$known" = none ]; then delay=1; fi
  fi
  while :; do
    say "the next backup begins in $((delay / 60)) minutes"
    sleep "$delay" &
    wait $!
    # A process of its own, so that a signal reaches this one at once.
    bash "$0" now &
    if wait $!; then delay=$(seconds_until_next); else
      delay=$(seconds_until_next)
      [ "$delay" -lt 900 ] || delay=900
    fi
  done
}

known() {
  local code=0 message
  message=$(as_postgres timeout 60 restic "${repository_options[@]}" cat config 2>&1 > /dev/null) || code=$?
  case $code in
    0) if [ -n "$(newest_verified)" ]; then echo some; else echo none; fi ;;
    10) echo none ;;
    *) fail "can't open $BACKUP_TARGET: $(grep . <<< "$message" | head -n 1)" ;;
  esac
}

late() {
  local verified watched since age
  verified=$(status_value verified_at)
  watched=$(status_value watched_since)
  since=${verified:-0}
  [ "$since" -gt "${watched:-0}" ] || since=${watched:-0}
  age=$((($(date +%s) - since) / 3600))
  if [ "$age" -ge "$BACKUP_MAX_AGE_HOURS" ]; then
    echo "the last proven backup is $age hours old, more than backup.maxAgeHours ($BACKUP_MAX_AGE_HOURS); $(status_value failure)"
    return 1
  fi
}

health() { [ $(($(date +%s) - $(cat /tmp/started))) -lt 300 ] || late; }

case ${1:-} in
  serve) serve ;;
  now) recorded make ;;
  make) make_backup ;;
  verify) recorded prove "${2:-}" ;;
  prove) verify_again "${2:-}" ;;
  prune) prune ;;
  list) repository snapshots --json --host "$BACKUP_HOST" ;;
  status) cat $status_file ;;
  known) known ;;
  late) late ;;
  health) health ;;
  *) fail "unknown command: ${1:-}" ;;
esac
