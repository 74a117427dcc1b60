# What a backup holds, and whether something else holds the same. Sourced by the other scripts.
library=/usr/local/lib/backup
# Where the app has them too. A folder that the image has would lend an empty volume its own owner.
media=/vol/web/media

# Prints a database's content as content.sql does: content_of SOCKET DATABASE
content_of() { as_postgres psql --no-psqlrc --quiet --host="$1" --username=postgres --dbname="$2" --file=$library/content.sql; }

# Arguments of find that leave out what a restore keeps beside the media files, and don't even look inside.
not_the_sites=(\( -path ./.restoring -o -path './.replaced-*' \) -prune -o)

# As comm wants it, and with what memory the container has, however much there is to sort.
sorted() { LC_ALL=C sort --buffer-size=64M --temporary-directory=/backup-work "$@"; }

# Prints size, times, inode and path of all media files, each ended by a NUL.
media_states() { (cd $media && find . "${not_the_sites[@]}" -type f -printf '%s %T@ %C@ %i %p\0' | sorted --zero-terminated); }

# Prints what sha256sum says of the media files that a backup has: expected_media ID FOLDER
#
# FOLDER has it as it was before they were stored. Those that changed meanwhile are tags of the snapshot, which is whole before they are known.
expected_media() {
  repository cat snapshot "$1" | { grep -o '"media=[^"]*"' || true; } | tr -d '"' | perl $library/correct-media.pl apply "$2/media.sha256"
}

# Restores a dump into an empty database and makes sure that it holds what the backup says: restore_dump SOCKET DATABASE FOLDER
restore_dump() {
  as_postgres pg_restore --host="$1" --username=postgres --dbname="$2" --jobs=2 --exit-on-error "$3/database.dump"
  if [ -f "$3/content" ]; then
    # In format 1 each table's line ends with a second sum.
    if grep -q '"format":1,' "$3/manifest.json"; then sed -i '$!s/|[^|]*$//' "$3/content"; fi
    content_of "$1" "$2" > "$3/restored"
    if ! diff "$3/content" "$3/restored" > "$3/differences"; then
      fail "what was restored isn't what was saved: $(sed -n 's/^[<>] \([^|]*\)|.*/\1/p' "$3/differences" | sort -u | head -n 5 | paste -sd ' ')"
    fi
  fi
}

# Makes the roles that objects of a backup belong to, without logins, where they are missing: ensure_roles SOCKET FOLDER
ensure_roles() {
  while read -r role; do
    as_postgres psql --no-psqlrc --quiet --host="$1" --username=postgres --dbname=postgres --set=ON_ERROR_STOP=1 --set=role="$role" <<< \
      "SELECT format('CREATE ROLE %I NOLOGIN', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec"
  done < "$2/roles"
}

# Starts a database server that nobody can reach over a network, for one restore: start_scratch; its socket is in /backup-work/scratch.
start_scratch() {
  stop_scratch
  as_postgres mkdir -p /backup-work/scratch
  as_postgres initdb --pgdata=/backup-work/scratch/data --no-sync --encoding=UTF8 --locale=C.UTF-8 --auth=trust --username=postgres > /backup-work/scratch/log
  # It lives for minutes: nothing needs to survive a crash of it.
  as_postgres pg_ctl --pgdata=/backup-work/scratch/data --log=/backup-work/scratch/log --wait --timeout=120 --silent --options="-c listen_addresses='' \
    -c unix_socket_directories=/backup-work/scratch -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
    -c max_wal_size=2GB -c autovacuum=off -c shared_buffers=128MB -c maintenance_work_mem=64MB \
    -c shared_preload_libraries=$(printf %q "$BACKUP_PRELOAD_LIBRARIES")" start 9>&- \
    || fail "the server that backups are restored into doesn't start: $(tail -n 1 /backup-work/scratch/log)"
}

stop_scratch() {
  if [ -f /backup-work/scratch/data/postmaster.pid ]; then as_postgres pg_ctl --pgdata=/backup-work/scratch/data --mode=immediate --wait --silent stop || true; fi
  rm -rf /backup-work/scratch
}
