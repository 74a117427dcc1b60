#!/bin/bash
# Makes backups of a database and its media files, and proves each of them by restoring it.
#   serve       makes one at every time of day in BACKUP_TIMES (UTC), for ever; one at once where there is none, or the last one that was due isn't there
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
. /usr/local/lib/backup/take.sh
. /usr/local/lib/backup/prove.sh
. /usr/local/lib/backup/schedule.sh
open_repository

clean_up() {
  [ -z "${stopping:-}" ] || wait "$stopping" || true
  stop_scratch
  rm -rf /backup-work/backup /backup-work/media /backup-work/verify
}

# Has what this process and its children write reach the disk bit by bit: after a gigabyte at once, each of the live server's commits waits for it.
write_gently() {
  while kill -0 $$ 2> /dev/null; do
    find /backup-work -type f -size +8M -newermt '-2 seconds' -exec sync --data {} + 2> /dev/null || true
    sleep 0.2
  done
}

make_backup() {
  take_turn
  local began=$SECONDS made id corrections correction tags=(--set verified)
  trap 'clean_up' EXIT
  clean_up
  write_gently 9>&- &
  ensure_repository
  mkdir /backup-work/backup
  made=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  dump_database
  store "$made"
  # The proof makes a copy of it, and of the whole database.
  rm /backup-work/backup/database.dump
  say "made $id in $((SECONDS - began)) s; restoring it"
  prove "$id"
  for correction in $corrections; do tags+=(--set "$correction"); done
  [ -z "$corrections" ] || say "media files that changed or went while it was made: $(wc -l <<< "$corrections"); it has what was there when they were read"
  repository tag "${tags[@]}" "$id" > /dev/null
  id=$(newest_verified)
  set_status "verified_id=$id" "verified_at=$(date +%s)" failed_at= failure=
  say "proved $id: $(wc -l < /backup-work/backup/media.sha256) media files, $(awk -F'|' '{ rows += $2 } END { print rows + 0 }' /backup-work/backup/content) rows; $((SECONDS - began)) s in all"
  prune
}

# Only what is proven counts, all of the last day's too; what isn't proven stays two days, to be looked at.
prune() {
  repository forget --host "$BACKUP_HOST" --group-by host --tag verified --keep-within 1d --keep-daily "$BACKUP_KEEP_DAILY" --keep-weekly "$BACKUP_KEEP_WEEKLY" \
    --keep-monthly "$BACKUP_KEEP_MONTHLY" > /dev/null 2> /backup-work/messages \
    && repository forget --host "$BACKUP_HOST" --group-by host --tag unverified --keep-within 2d --prune > /dev/null 2> /backup-work/messages \
    || echo "backup: old backups can't be removed: $(tail -n 1 /backup-work/messages)" >&2
}

# Runs a command as a process of its own, where an error ends it, and keeps in the status what it failed with.
recorded() {
  local code=0
  : > /backup-work/last-error
  bash "$0" "$@" 2> >(tee /backup-work/last-error >&2) || code=$?
  if [ $code -ne 0 ]; then set_status "failed_at=$(date +%s)" "failure=$(grep '^backup: ' /backup-work/last-error | tail -n 1 | cut -c 9-500)"; fi
  return $code
}

verify_again() {
  take_turn
  trap 'clean_up' EXIT
  clean_up
  write_gently 9>&- &
  ensure_repository
  local id
  prove "${1:-}"
  say "proved $id"
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
