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

# Leaves media.sha256 in /backup-work/backup, of the files whose states are in /backup-work/media/before.
hash_media() {
  (cd $media && perl $library/hash-media.pl files /backup-work/media/before /backup-work/media/known > /backup-work/backup/media.sha256 2> /backup-work/messages 9>&-) \
    || fail "media files can't be read: $(tail -n 1 /backup-work/messages)"
}

# Leaves in /backup-work/media/changed the states of files that aren't as they were any more; new files do no harm.
find_changed_media() {
  media_states > /backup-work/media/after
  LC_ALL=C comm -z -23 /backup-work/media/before /backup-work/media/after > /backup-work/media/changed
}

# Prints the first path of a list of states.
first_path() { sed -zn '1s/^\([^ ]* \)\{4\}//p' | tr -d '\0'; }

write_manifest() {
  cd /backup-work/backup
  sha256sum database.dump content roles media.sha256 > files.sha256
  printf '{"format":2,"stack":"%s","made":"%s","tables":%s,"rows":%s,"mediaFiles":%s,"facts":%s}\n' \
    "$BACKUP_HOST" "$1" "$(($(wc -l < content) - 1))" "$(awk -F'|' '{ rows += $2 } END { print rows + 0 }' content)" "$(wc -l < media.sha256)" "$(cat facts)" \
    > manifest.json
  sha256sum manifest.json >> files.sha256
  cd - > /dev/null
}

# Stores /backup-work/backup and the media files as one snapshot and sets `id`.
#
# A file that vanished or changed meanwhile means another try, twice. Where the site goes on changing them, the backup has what was read of such files, and
# the proof notes what that is.
store() {
  local made=$1 code summary unread earlier
  unread=$(cd $media && find . "${not_the_sites[@]}" \( -type f -o -type d \) ! -readable -print -quit)
  [ -z "$unread" ] || fail "can't read the media file $unread; fix: let the app's group read it, with Django's FILE_UPLOAD_PERMISSIONS = 0o644 and chmod -R g+rX for those that are there"
  mkdir /backup-work/media
  id=
  for attempt in 1 2 3; do
    media_states > /backup-work/media/before
    hash_media
    write_manifest "$made"
    code=0 earlier=$id
    summary=$(repository backup --json --host "$BACKUP_HOST" --tag unverified --group-by host --exclude $media/.restoring --exclude "$media/.replaced-*" \
      /backup-work/backup $media 9>&- 2> /backup-work/messages) || code=$?
    # Only now, for restic reads what isn't in the snapshot before: each try is shorter than the first.
    if [ -n "$earlier" ]; then repository forget "$earlier" > /dev/null; fi
    id=$(sed -n 's/.*"message_type":"summary".*"snapshot_id":"\([0-9a-f]\{8\}\).*/\1/p' <<< "$summary")
    # With 3 it stored all but what it couldn't read, such as files that had gone.
    [ $code = 0 ] || [ $code = 3 ] || fail "$BACKUP_TARGET took no backup: $(tail -n 1 /backup-work/messages)"
    find_changed_media
    unread=$(LC_ALL=C comm -z -23 /backup-work/media/known.unread /backup-work/media/changed | first_path)
    [ -z "$unread" ] || fail "can't read the media file $unread; fix: check the disk that it is on"
    [ -s /backup-work/media/changed ] || return 0
    [ "$attempt" = 3 ] || say "media files changed meanwhile: trying again"
  done
}
