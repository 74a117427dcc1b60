#!/bin/sh
# Copies /incoming into the volume as /files/$FILES_ID, readable by FILES_USER alone, and makes it /files/current.
# A path under /incoming/.empty becomes a file without content.
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
cp -R /incoming "$incoming"
if [ -d "$incoming/.empty" ]; then
  # No name here has a newline: they are names of the program's files and of settings.
  (cd "$incoming/.empty" && find . -type f) | while IFS= read -r file; do
    mkdir -p "$(dirname "$incoming/$file")"
    : > "$incoming/$file"
  done
  rm -rf "$incoming/.empty"
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
# What was uploaded must not stay in this container; with Compose it is mounted, and never was in it.
if ! grep -q ' /incoming ' /proc/self/mountinfo; then rm -rf /incoming; fi
echo "files: $FILES_ID"
