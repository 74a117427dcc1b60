#!/bin/sh
# Has the nginx whose network and processes this container shares go over to the configuration $1 of its volume at /files, and
# waits up to $2 seconds until it answers with that; $3 is join-replicas.sh, for the new replicas to join the old ones first.
#
# Where the live one has replicas that the new one hasn't, says their names, and the processes of nginx's that know them. Ends with 3 where nginx keeps the configuration that it
# has, with the second since 1970 from which on its log says why. After any failure the live configuration is the current one again,
# so that a restart of nginx finds a good one.
set -eu

wanted=$1 seconds=$2 join=$3

live() {
  curl --silent --fail --max-time 2 http://127.0.0.1:8081/configuration || true
}

point() {
  ln -sfn "$1" /files/.current
  mv -fT /files/.current /files/current
}

replicas() {
  grep -s ' resolve ' "/files/$1/nginx.conf" | sort -u
}

processes() {
  grep -al "^nginx: $1" /proc/[0-9]*/cmdline | sed 's|/cmdline$||; s|.*/||'
}

go_over() {
  # Not `docker kill`: Docker 20.10 takes any signal of its own for a stop by hand, and restarts the container no more. Its pid file is in
  # a file system that isn't this container's.
  kill -HUP "$(processes 'master process')"
  end=$(($(date +%s) + seconds))
  until [ "$(live)" = "$1" ]; do
    if [ "$(date +%s)" -gt "$end" ]; then return 1; fi
    sleep 0.1
  done
}

kept() {
  echo "$begun" >&2
  exit 3
}

begun=$(date +%s)
before=$(live)
if [ "$before" = "$wanted" ]; then exit 0; fi
joined=joined-$wanted

# Another `up`, begun when the one of this reload was killed, may have put a further configuration there.
go_back() {
  case "$(readlink /files/current)" in "$wanted" | "$joined") point "$before" ;; esac
}
trap 'status=$?; [ "$status" = 0 ] || [ -z "$before" ] || go_back' EXIT

leaving=
# Workers that end a long download know only replicas that have gone before.
ending=$(processes 'worker process is shutting down')
if [ -n "$before" ]; then
  leaving=$(replicas "$before" | grep -vxF "$(replicas "$wanted")" || true)
  sh -ec "$join" sh "$before" "$wanted" "$joined"
  if [ "$(readlink /files/current)" = "$joined" ]; then
    go_over "$joined" || kept
    # Docker's DNS answers within milliseconds.
    sleep 0.5
    point "$wanted"
  fi
fi
# Told to shut down only once those with the new configuration are there: by their state they couldn't be told apart yet.
workers=$(processes 'worker process' | grep -vxF "$ending" || true)
go_over "$wanted" || kept
if [ -n "$leaving" ]; then
  echo replicas $(printf '%s\n' "$leaving" | sed 's/^ *server \([^:]*\):.*/\1/')
  echo workers $workers
fi
