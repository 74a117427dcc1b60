#!/bin/sh
# Prints the hash of a file that tar hands over, as sha256sum would in the folder of the media files.
printf '%s  ./%s\n' "$(sha256sum | cut -d ' ' -f 1)" "${TAR_FILENAME#vol/web/media/}"
