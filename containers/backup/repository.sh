# Where backups are kept, and what is said of them. Sourced by the other scripts.
#   RESTIC_REPOSITORY  restic's name of it
#   BACKUP_TARGET      the user's name of it
#   BACKUP_FILES       folder of the files passphrase, environment (NAME=value lines for restic), ssh-key and known-hosts
#   BACKUP_HOST        whose backups they are: the name of the stack

status_file=/backup-work/status

say() { echo "backup: $*"; }
fail() {
  echo "backup: $*" >&2
  exit 1
}

# The database's superuser is this user at its socket, and the repository is this user's too.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=999 --regid=999 --clear-groups -- "$@"; else "$@"; fi
}

repository_options=()

open_repository() {
  export RESTIC_PASSWORD_FILE=$BACKUP_FILES/passphrase RESTIC_CACHE_DIR=/backup-work/cache RESTIC_PROGRESS_FPS=0.0001 HOME=/tmp
  set -a
  if [ -f "$BACKUP_FILES/environment" ]; then . "$BACKUP_FILES/environment"; fi
  set +a
  # Another machine may be at work there too.
  repository_options=(--retry-lock 5m)
  if [ -f "$BACKUP_FILES/ssh-key" ]; then
    repository_options+=(-o "sftp.args=-i $BACKUP_FILES/ssh-key -o UserKnownHostsFile=$BACKUP_FILES/known-hosts -o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15")
  fi
}

repository() { as_postgres restic "${repository_options[@]}" "$@"; }

# Makes the repository when there has never been one, and refuses to when there has: a disk that isn't mounted looks like that.
ensure_repository() {
  local code message question
  # The first one also removes the locks of processes that were killed, which somebody who may store needn't be allowed to.
  for question in unlock "cat config"; do
    code=0
    # By itself restic goes on trying for a quarter of an hour.
    message=$(as_postgres timeout 60 restic "${repository_options[@]}" $question 2>&1 > /dev/null) || code=$?
    case $code in 0 | 10 | 12) break ;; esac
  done
  case $code in
    0) ;;
    10)
      if [ "$(cat /backup-work/repository 2> /dev/null)" = "$BACKUP_TARGET" ]; then
        fail "the backups at backup.target $BACKUP_TARGET are gone; if that is meant, remove the volume that is mounted at /backup-work and start this container anew"
      fi
      say "making a repository at $BACKUP_TARGET"
      repository init > /dev/null
      ;;
    12) fail "the backups at backup.target $BACKUP_TARGET were made with another passphrase; fix: set backup.passphrase to that one" ;;
    *) fail "can't open $BACKUP_TARGET: $(grep . <<< "$message" | head -n 1)" ;;
  esac
  echo "$BACKUP_TARGET" > /backup-work/repository
}

# Prints the id of the newest backup that was restored and compared; nothing when there is none.
newest_verified() {
  repository snapshots --json --host "$BACKUP_HOST" --tag verified --latest 1 --group-by host | grep -o '"short_id":"[0-9a-f]*"' | tail -n 1 | cut -d '"' -f 4 || true
}

# One backup, restore or check at a time; the rest wait for their turn.
take_turn() {
  exec 9>> /backup-work/lock
  if ! flock --nonblock 9; then
    say "another backup or restore is under way: waiting for it"
    flock 9
  fi
}

status_value() { [ ! -f $status_file ] || sed -n "s/^$1=//p" $status_file; }

# Replaces values of the status, all at once: NAME=value...
set_status() {
  { for pair in "$@"; do echo "$pair"; done
    if [ -f $status_file ]; then
      while IFS= read -r line; do
        for pair in "$@"; do [ "${line%%=*}" != "${pair%%=*}" ] || continue 2; done
        echo "$line"
      done < $status_file
    fi; } > $status_file.incoming
  mv -f $status_file.incoming $status_file
}
