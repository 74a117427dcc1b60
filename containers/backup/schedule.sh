# When backups are made. Sourced by backup.sh.

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

# Prints when a backup was due last, in seconds since 1970.
last_due() {
  local now latest=0 at
  now=$(date +%s)
  for time in $BACKUP_TIMES; do
    at=$(date -u -d "today $time UTC" +%s)
    [ "$at" -le "$now" ] || at=$(date -u -d "yesterday $time UTC" +%s)
    [ "$at" -le "$latest" ] || latest=$at
  done
  echo "$latest"
}

serve() {
  trap 'kill $(jobs -p) 2> /dev/null; exit 0' TERM INT
  date +%s > /tmp/started
  [ -n "$(status_value watched_since)" ] || set_status "watched_since=$(date +%s)"
  local verified delay known
  verified=$(status_value verified_at)
  delay=$(seconds_until_next)
  if [ -n "$verified" ]; then
    # It was away then, or ended while it was at it.
    if [ "$verified" -lt "$(last_due)" ]; then delay=1; fi
  else
    # A new machine that waits for one of those that are there makes none of its own yet: a backup of its emptiness would be the latest.
    until known=$(bash "$0" known 2> /backup-work/last-error); do
      cat /backup-work/last-error >&2
      set_status "failed_at=$(date +%s)" "failure=$(tail -n 1 /backup-work/last-error | cut -c 9-500)"
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
