#!/bin/sh
# Puts the files of /incoming.bundle, or those in the folder /incoming, into the volume as /files/$FILES_ID, readable by FILES_USER alone,
# and makes it /files/current. What a bundle is: components/file-bundle.ts.
# The volumes under /writable come to belong to FILES_USER.
# FILES_CHECK, run as that user inside the new folder, decides whether the copy is kept.
set -eu

for folder in /writable/*; do
  [ -d "$folder" ] || continue
  chown "$FILES_USER" "$folder"
  chmod 0700 "$folder"
done

target=/files/$FILES_ID
incoming=/files/.incoming

rm -rf "$incoming"
if [ -f /incoming.bundle ]; then
  mkdir "$incoming"
  while read -r size path; do
    case $path in */*) mkdir -p "$incoming/${path%/*}" ;; esac
    head -c "$size" > "$incoming/$path"
    read -r _
  done < /incoming.bundle
else
  cp -R /incoming "$incoming"
fi
find "$incoming" -type d -exec chmod 0500 {} +
find "$incoming" -type f -exec chmod 0400 {} +
chown -R "$FILES_USER" "$incoming"

if [ -n "${FILES_CHECK:-}" ]; then
  cd "$incoming"
  # The check's output goes through a pipe of its own user's, which may be opened again as /dev/stderr.
  setpriv --reuid="${FILES_USER%:*}" --regid="${FILES_USER#*:}" --clear-groups \
    sh -c 'if output=$(sh -c "$FILES_CHECK" 2>&1); then exit 0; else printf "%s\n" "$output" >&2; exit 1; fi'
  cd /
fi

if [ -d "$target" ] && diff -r "$incoming" "$target" > /dev/null; then
  rm -rf "$incoming"
else
  rm -rf "$target"
  mv "$incoming" "$target"
fi
ln -sfn "$FILES_ID" /files/.current
mv -fT /files/.current /files/current
# What was uploaded must not stay in this container.
rm -f /incoming.bundle
echo "files: $FILES_ID"
