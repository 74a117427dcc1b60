# Proves a backup. Sourced by backup.sh.

# Restores a backup where nobody sees it and compares all of it with what it should hold: prove [ID]; the newest proven one by default.
#
# `id` gets which one that is, and `corrections` what it has of files that changed while it was made.
prove() {
  rm -rf /backup-work/verify
  mkdir /backup-work/verify
  local scratch expecting read=0 folder=/backup-work/verify/backup-work/backup
  # Beside the reading, which waits for the disk, or for its key.
  start_scratch &
  scratch=$!
  id=${1:-$(newest_verified)}
  [ -n "$id" ] || { wait $scratch || true; fail "there is no backup yet"; }
  repository restore "$id" --target /backup-work/verify --include /backup-work/backup > /backup-work/messages 2>&1 9>&- || read=$?
  wait $scratch || exit 1
  [ $read = 0 ] || fail "backup $id can't be read: $(tail -n 1 /backup-work/messages)"
  (cd $folder && sha256sum --check --quiet files.sha256) || fail "backup $id isn't what was saved"
  ensure_roles /backup-work/scratch $folder
  createdb --host=/backup-work/scratch --username=postgres --template=template0 --encoding=UTF8 --locale=C.UTF-8 --owner="$BACKUP_DATABASE" "$BACKUP_DATABASE"
  restore_dump /backup-work/scratch "$BACKUP_DATABASE" $folder
  # Beside the files' reading, as is what they should be: each time that restic opens the repository it works half a second on the key.
  stop_scratch 9>&- &
  stopping=$!
  { expected_media "$id" $folder | sorted > /backup-work/verify/expected; } 9>&- &
  expecting=$!
  # Read as a stream: there may be no room for all of them twice.
  { repository dump "$id" $media --archive tar | perl $library/hash-media.pl archive "${media#/}"; } 9>&- > /backup-work/verify/media 2> /backup-work/messages \
    || fail "media files of backup $id can't be read: $(tail -n 1 /backup-work/messages)"
  wait $stopping && wait $expecting || exit 1
  sorted --output=/backup-work/verify/media /backup-work/verify/media
  cd /backup-work/verify
  corrections=$(perl $library/correct-media.pl find <(LC_ALL=C comm -23 expected media) <(LC_ALL=C comm -13 expected media) /backup-work/media/changed 2> /backup-work/messages) \
    || fail "media files of backup $id aren't what was saved: $(tail -n 1 /backup-work/messages)"
  cd - > /dev/null
}
