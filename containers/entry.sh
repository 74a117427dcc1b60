#!/bin/sh
# Starts a program of the app's image.
#   entry.sh run COMMAND...     becomes the command: jobs, the development server, a shell
#   entry.sh serve COMMAND...   runs a server; SIGTERM reaches it DRAIN_SECONDS later, so that nginx has left it by then, or at once where
#                               SIGURG has said before that nginx has
# For programs that know NAME only, every NAME_FILE becomes NAME with the file's content, in this process and its children.
set -eu

mode=$1
shift

for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)_FILE=\/.*/\1/p'); do
  eval "path=\${${name}_FILE:-}; given=\${${name}+yes}"
  if [ -z "$path" ] || [ -n "$given" ]; then continue; fi
  if [ ! -r "$path" ]; then
    echo "entry.sh: ${name}_FILE names $path, which user $(id -u) can't read" >&2
    exit 1
  fi
  value=$(cat "$path")
  export "$name=$value"
done

if [ "$mode" = run ]; then exec "$@"; fi

left=no
trap 'left=yes' URG
drain() {
  trap '' TERM
  if [ "$left" = no ]; then
    echo "entry.sh: draining, the server stops in $DRAIN_SECONDS s" >&2
    sleep "$DRAIN_SECONDS" &
    wait $! || true
  fi
  kill -TERM "$server" 2>/dev/null || true
}
trap drain TERM

# What a killed process left a day ago at least: files, and the folders of releases.
if [ -n "${TMPDIR:-}" ]; then
  find "$TMPDIR" \( -type f -o -type d -path "$TMPDIR/release.*" \) -mmin +1440 -delete 2> /dev/null &
fi

"$@" &
server=$!
# A signal ends the wait, too, and not the server.
while :; do
  status=0
  wait "$server" || status=$?
  kill -0 "$server" 2> /dev/null || exit "$status"
done
