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


def copy(file, source, published, gathered):
    content_file, path = os.path.join(source, file), os.path.join(published, file)
    if os.path.isfile(path) and filecmp.cmp(content_file, path, shallow=False):
        return
    # What was packed of another content; what the image has packed itself is a file like others.
    outdated = [by_brotli(published, file)] + ([] if file + ".gz" in gathered else [path + ".gz"])
    for packed in outdated:
        if os.path.exists(packed):
            os.remove(packed)
    replace(path, lambda incoming: shutil.copyfile(content_file, incoming))


def pack(content_file, targets, compress):
    missing = [path for path in targets if not os.path.exists(path)]
    if missing:
        with open(content_file, "rb") as file:
            packed = compress(file.read())
        for path in missing:
            write(path, packed)


def pack_group(files, source, published, gathered):
    """Packs files of one content: most are there under their own name and one with a hash in it."""
    content_file = os.path.join(source, files[0])
    by_gzip = [os.path.join(published, file) + ".gz" for file in files if file + ".gz" not in gathered]
    pack(content_file, by_gzip, lambda content: gzip.compress(content, 9, mtime=0))
    if brotli:
        pack(content_file, [by_brotli(published, file) for file in files], lambda content: brotli.compress(content, quality=BROTLI_QUALITY))


def main(source, published):
    lists = os.path.join(published, ".releases")
    if not os.path.isdir(lists):
        before = as_lines(file for file in files_below(published) if not file.endswith(".gz"))
        os.mkdir(lists, 0o700)
        if before:
            write(os.path.join(lists, "before"), before)
    gathered = {file for file in files_below(source) if os.path.basename(file) != "staticfiles.json"}
    for file in gathered:
        copy(file, source, published, gathered)
    # Packed here, once, and not by nginx at each request.
    if brotli is None:
        print("release: the image has no package Brotli, static files are packed by gzip alone", flush=True)
    same = collections.defaultdict(list)
    for file in gathered:
        if file.endswith(PACKABLE):
            same[digest(os.path.join(source, file))].append(file)
    # Both packers work outside of Python's one lock.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda files: pack_group(files, source, published, gathered), same.values()))
    release = as_lines(gathered)
    write(os.path.join(lists, hashlib.sha256(release).hexdigest()[:12]), release)


try:
    main(*sys.argv[1:])
except OSError as error:
    sys.exit(f"release: static files can't be published: {error}")
