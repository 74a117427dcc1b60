#!/bin/bash
# Starts Postgres, unless its data has been left for another major version: POSTGRES_DATA is the volume that holds it.
set -eu

for mark in "$POSTGRES_DATA"/left-for-*; do
  [ -e "$mark" ] || continue
  other=${mark##*-}
  echo "this data was left for version $other and may be out of date; fix: set postgres.version to $other," \
    "or go back to it with postgres.upgradeFrom $other beside postgres.version $PG_MAJOR" >&2
  exit 1
done
exec docker-entrypoint.sh "$@"
