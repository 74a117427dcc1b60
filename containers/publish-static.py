"""Publishes the static files that an image has gathered, and packs what can be packed, by gzip and by Brotli where the image has its package.

Arguments: the folder of the gathered files, and the one that nginx serves. Files of earlier releases stay there: pages that were sent before
the switch still ask for them. Which release has which, the lists in .releases tell whoever removes them once three newer ones have been live.
One process for all of it: with some for each file, publishing the few hundred of Django's admin took most of a first start.
"""

import collections
import concurrent.futures
import filecmp
import gzip
import hashlib
import os
import shutil
import sys

try:
    import brotli
except ImportError:
    brotli = None

PACKABLE = (".css", ".js", ".mjs", ".json", ".svg", ".txt", ".xml", ".html", ".map", ".webmanifest")
# Of Django's admin, the browsable API and the sample, 4.1 MB, the highest, 11, makes 902 kB in 9.5 s, this one 919 kB in 3.1 s, and gzip 1,096 kB.
BROTLI_QUALITY = 10


def files_below(folder):
    """Yields the paths of all files below a folder, relative to it."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.path.relpath(path, folder)


def as_lines(files):
    # In bytes: a name needs no valid encoding.
    return b"".join(sorted(b"./" + os.fsencode(file) + b"\n" for file in files))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def replace(path, fill):
    """Makes or replaces a file: whoever reads it finds the old one or the new one, whole."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    incoming = path + ".incoming"
    fill(incoming)
    os.chmod(incoming, 0o644)
    os.replace(incoming, path)


def write(path, content):
    def fill(incoming):
        with open(incoming, "wb") as file:
            file.write(content)

    replace(path, fill)


def by_brotli(published, file):
    # Under the same name in a tree of its own: nginx tells a file's type by its name.
    return os.path.join(published, ".brotli/static", file)


def copy(file, source, published):
    gathered, path = os.path.join(source, file), os.path.join(published, file)
    if os.path.isfile(path) and filecmp.cmp(gathered, path, shallow=False):
        return
    for packed in (path + ".gz", by_brotli(published, file)):
        if os.path.exists(packed):
            os.remove(packed)
    replace(path, lambda incoming: shutil.copyfile(gathered, incoming))


def pack(content_file, targets, compress):
    missing = [path for path in targets if not os.path.exists(path)]
    if missing:
        with open(content_file, "rb") as file:
            packed = compress(file.read())
        for path in missing:
            write(path, packed)


def publish(files, source, published):
    """Publishes files of one content: most are there under their own name and one with a hash in it."""
    for file in files:
        copy(file, source, published)
    # Packed here, once, and not by nginx at each request.
    if files[0].endswith(PACKABLE):
        content_file = os.path.join(source, files[0])
        pack(content_file, [os.path.join(published, file) + ".gz" for file in files], lambda content: gzip.compress(content, 9, mtime=0))
        if brotli:
            pack(content_file, [by_brotli(published, file) for file in files], lambda content: brotli.compress(content, quality=BROTLI_QUALITY))


def main(source, published):
    lists = os.path.join(published, ".releases")
    if not os.path.isdir(lists):
        before = as_lines(file for file in files_below(published) if not file.endswith(".gz"))
        os.mkdir(lists, 0o700)
        if before:
            write(os.path.join(lists, "before"), before)
    if brotli is None:
        print("release: the image has no package Brotli, static files are packed by gzip alone", flush=True)
    files = [file for file in files_below(source) if os.path.basename(file) != "staticfiles.json"]
    same = collections.defaultdict(list)
    for file in files:
        same[digest(os.path.join(source, file)) if file.endswith(PACKABLE) else file].append(file)
    # Both packers work outside of Python's one lock.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda group: publish(group, source, published), same.values()))
    release = as_lines(files)
    write(os.path.join(lists, hashlib.sha256(release).hexdigest()[:12]), release)


main(*sys.argv[1:])
