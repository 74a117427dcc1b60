#!/bin/sh
# Adds, on nginx's volume at /files, the replicas of the new configuration $2 to a copy $3 of the live one $1, and makes it
# current; does nothing where no replica leaves or none is new.
#
# A name that nginx meets for the first time has no address until DNS has answered, and a request of that moment finds no replica
# at all. Beside the old replicas the new ones have that time; addresses that are known go over into the next configuration.
set -eu

live=$1 new=$2 joined=$3
cd /files
test -f "$live/nginx.conf" || exit 0

replicas() {
  grep ' resolve ' "$1/nginx.conf" | sort -u
}
known=$(replicas "$live")
wanted=$(replicas "$new")
printf '%s\n' "$known" | grep -qvxF "$wanted" || exit 0
joining=$(printf '%s\n' "$wanted" | grep -vxF "$known") || exit 0

rm -rf ".$joined" "$joined"
cp -a "$live" ".$joined"
chmod u+w ".$joined" ".$joined/nginx.conf"
JOINING=$joining awk -v live="$live" -v joined="$joined" '
  / resolve / && !among { print ENVIRON["JOINING"] }
  { among = / resolve / }
  { sub("\"" live, "\"" joined); print }
' "$live/nginx.conf" > ".$joined/nginx.conf"
mv ".$joined" "$joined"
ln -sfn "$joined" .current
mv -fT .current current
