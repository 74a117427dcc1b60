# Takes a backup: the database at one moment, then the media files, as one snapshot of the repository. Sourced by backup.sh.
live=/run/postgresql

# Leaves database.dump, content, roles and facts in /backup-work/backup, all from one snapshot of the database.
dump_database() {
  trap '' PIPE
  # A release that wants to change a table knows the dump by it, and waits.
  local -x PGAPPNAME="django-stack backup"
  coproc session { exec psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --host=$live --dbname="$BACKUP_DATABASE" 9>&-; }
  local session_pid=$session_PID snapshot dump
  local input=${session[1]}
  # One CPU of the live server's: requests need the others.
  { echo 'SET max_parallel_workers_per_gather = 0;'; cat $library/snapshot.sql; } >&"$input"
  read -r -t 60 snapshot <&"${session[0]}" || fail "the database doesn't answer, or somebody keeps a table locked"
  # Not packed: restic packs it, and finds in it what it has from the day before. By its number: the word for it is new in 16.
  pg_dump --host=$live --snapshot="$snapshot" --format=custom --compress=0 --lock-wait-timeout=60s --file=/backup-work/backup/database.dump "$BACKUP_DATABASE" 9>&- &
  dump=$!
  wait "$dump" || fail "the dump failed"
  # After the dump and not beside it: two sessions would keep two CPUs of the live server's busy.
  { echo '\o /backup-work/backup/facts'; cat $library/facts.sql; echo '\o /backup-work/backup/content'; cat $library/content.sql; echo '\o'; } >&"$input" \
    || fail "the database went away"
  exec {input}>&-
  wait "$session_pid" || fail "the database's content can't be read"
  psql --no-psqlrc --quiet --no-align --tuples-only --host=$live --dbname="$BACKUP_DATABASE" \
    --command="SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1" > /backup-work/backup/roles
}

# Leaves media.sha256 in /backup-work/backup, and prints a line for each file that tells whether it is still the same.
hash_media() {
  cd $media
  media_files | xargs -0 -r sha256sum > /backup-work/backup/media.sha256 || return 1
  cd - > /dev/null
}
media_state() { cd $media && media_files | xargs -0 -r stat --format='%n %s %y' 2> /dev/null | LC_ALL=C sort; }

write_manifest() {
  cd /backup-work/backup
  sha256sum database.dump content roles media.sha256 > files.sha256
  printf '{"format":2,"stack":"%s","made":"%s","tables":%s,"rows":%s,"mediaFiles":%s,"facts":%s}\n' \
    "$BACKUP_HOST" "$1" "$(($(wc -l < content) - 1))" "$(awk -F'|' '{ rows += $2 } END { print rows + 0 }' content)" "$(wc -l < media.sha256)" "$(cat facts)" \
    > manifest.json
  sha256sum manifest.json >> files.sha256
  cd - > /dev/null
}

# Stores /backup-work/backup and the media files as one snapshot and sets `id`; a file that vanished or changed meanwhile means another try.
store() {
  local made=$1 code before after summary unreadable
  unreadable=$(cd $media && find . "${not_the_sites[@]}" \( -type f -o -type d \) ! -readable -print -quit)
  [ -z "$unreadable" ] || fail "can't read the media file $unreadable; fix: let the app's group read it, with Django's FILE_UPLOAD_PERMISSIONS = 0o644 and chmod -R g+rX for those that are there"
  for attempt in 1 2 3 4 5; do
    before=$(media_state)
    if hash_media; then
      write_manifest "$made"
      code=0
      summary=$(repository backup --json --host "$BACKUP_HOST" --tag unverified --group-by host --exclude $media/.restoring --exclude "$media/.replaced-*" \
        /backup-work/backup $media 9>&- 2> /backup-work/messages) || code=$?
      id=$(sed -n 's/.*"message_type":"summary".*"snapshot_id":"\([0-9a-f]\{8\}\).*/\1/p' <<< "$summary")
      case $code in
        0)
          after=$(media_state)
          # New files do no harm.
          if [ -z "$(LC_ALL=C comm -23 <(echo "$before") <(echo "$after"))" ]; then return 0; fi
          ;;
        3) ;;
        *) fail "$BACKUP_TARGET took no backup: $(tail -n 1 /backup-work/messages)" ;;
      esac
      if [ -n "$id" ]; then repository forget "$id" > /dev/null; fi
    fi
    say "media files changed meanwhile: trying again"
  done
  fail "media files changed during each of 5 tries"
}
