# Proves a backup. Sourced by backup.sh.

# Restores a backup where nobody sees it and compares all of it with what it should hold.
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
  repository dump "$1" $media --archive tar 9>&- 2> /backup-work/messages \
    | tar --extract --file=- --to-command="sh $library/hash-entry.sh" > /backup-work/verify/media || fail "media files of backup $1 can't be read: $(tail -n 1 /backup-work/messages)"
  if [ -n "$(LC_ALL=C comm -23 <(LC_ALL=C sort $folder/media.sha256) <(LC_ALL=C sort /backup-work/verify/media))" ]; then
    fail "media files of backup $1 aren't what was saved"
  fi
}
