# Proves a backup. Sourced by backup.sh.

# Restores a backup where nobody sees it and compares all of it with what it should hold; `corrections` gets what it has of files that changed while it was made.
prove() {
  rm -rf /backup-work/verify
  mkdir /backup-work/verify
  local scratch read=0 folder=/backup-work/verify/backup-work/backup
  # Beside the reading, which mostly waits for the disk.
  start_scratch &
  scratch=$!
  repository restore "$1" --target /backup-work/verify --include /backup-work/backup > /backup-work/messages 2>&1 9>&- || read=$?
  wait $scratch || exit 1
  [ $read = 0 ] || fail "backup $1 can't be read: $(tail -n 1 /backup-work/messages)"
  (cd $folder && sha256sum --check --quiet files.sha256) || fail "backup $1 isn't what was saved"
  ensure_roles /backup-work/scratch $folder
  createdb --host=/backup-work/scratch --username=postgres --template=template0 --encoding=UTF8 --locale=C.UTF-8 --owner="$BACKUP_DATABASE" "$BACKUP_DATABASE"
  restore_dump /backup-work/scratch "$BACKUP_DATABASE" $folder
  stop_scratch
  # Read as a stream: there may be no room for all of them twice.
  { repository dump "$1" $media --archive tar | perl $library/hash-media.pl archive "${media#/}"; } 9>&- > /backup-work/verify/media 2> /backup-work/messages \
    || fail "media files of backup $1 can't be read: $(tail -n 1 /backup-work/messages)"
  expected_media "$1" $folder | sorted > /backup-work/verify/expected
  sorted --output=/backup-work/verify/media /backup-work/verify/media
  cd /backup-work/verify
  corrections=$(perl $library/correct-media.pl find <(LC_ALL=C comm -23 expected media) <(LC_ALL=C comm -13 expected media) /backup-work/media/changed 2> /backup-work/messages) \
    || fail "media files of backup $1 aren't what was saved: $(tail -n 1 /backup-work/messages)"
  cd - > /dev/null
}
