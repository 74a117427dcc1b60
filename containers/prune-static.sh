#!/bin/sh
# Notes the newest release on the volume at /files as live, and removes the static files that none of the last three live ones has.
#
# The release job lists the files of each release in .releases; a release whose replicas never came up has a list and no note.
set -eu

lists=/files/.releases
[ -d "$lists" ] || exit 0
cd "$lists"
by_age=$(find . -maxdepth 1 -type f ! -name live ! -name 'live.*' -printf '%T@ %f\n' | sort -n | cut -d ' ' -f 2)
newest=$(printf '%s\n' "$by_age" | tail -n 1)
[ -n "$newest" ] || exit 0

# The first release is live without a switch, and so without a note.
if [ ! -s live ]; then printf '%s\n' "$by_age" > live; fi
{ grep -vxF "$newest" live || true; echo "$newest"; } | tail -n 3 > live.incoming
mv live.incoming live

# A packed file goes with the one that it is made from.
while read -r kept; do [ ! -f "$kept" ] || cat "$kept"; done < live \
  | sed 'p; h; s/$/.gz/p; g; s,^\./,./.brotli/static/,' | LC_ALL=C sort -u > live.files
cd /files
find . -type f ! -path './.releases/*' ! -name '*.incoming' | LC_ALL=C sort > "$lists/live.present"
LC_ALL=C comm -23 "$lists/live.present" "$lists/live.files" | tr '\n' '\0' | xargs -0 -r rm -f
rm -f "$lists/live.files" "$lists/live.present"
find "$lists" -type f ! -name live | while read -r list; do
  grep -qxF "$(basename "$list")" "$lists/live" || rm -f "$list"
done
