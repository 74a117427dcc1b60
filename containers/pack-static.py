"""Packs by Brotli each published static file that isn't packed yet; standard input names them, one a line, relative to the first argument.

A packed file has the name and the path of its source, in a tree of its own, which is the second argument: nginx tells a file's type by its name.
"""

import os
import pathlib
import sys

import brotli

published, packed = map(pathlib.Path, sys.argv[1:])
for name in sys.stdin.read().splitlines():
    source, target = published / name, packed / name
    if target.exists():
        continue
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming = target.with_name(target.name + ".incoming")
    incoming.write_bytes(brotli.compress(source.read_bytes()))
    incoming.chmod(0o644)
    os.replace(incoming, target)
