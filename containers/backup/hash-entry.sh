#!/bin/sh
# Prints the hash of a file that tar hands over as sha256sum would in the folder of the media files, escapes in its name included.
name=./${TAR_FILENAME#vol/web/media/}
escaped=$(printf '%s\n' "$name" | sed 's/\\/\\\\/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')
[ "$escaped" = "$name" ] || printf '\\'
printf '%s  %s\n' "$(sha256sum | cut -d ' ' -f 1)" "$escaped"
