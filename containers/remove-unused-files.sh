#!/bin/sh
# Removes from the volumes at /folders/COMPONENT each folder of secrets or configurations that isn't named here as COMPONENT/ID.
#
# What is current stays, and so does what a job is still writing: its name starts with a dot.
set -eu

for folder in /folders/*; do
  [ -d "$folder" ] || continue
  cd "$folder"
  component=${folder##*/}
  current=$(readlink current || true)
  for id in *; do
    case " $* $component/current $component/$current " in *" $component/$id "*) ;; *) rm -rf "$id" ;; esac
  done
done
