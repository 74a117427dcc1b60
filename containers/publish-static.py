"""Publishes the static files that an image has gathered, and packs what can be packed, by gzip and by Brotli where the image has its package.

  publish-static.py pack     the folder of the gathered files, the one that nginx serves, and one for what is packed
  publish-static.py publish  the same

The first packs and publishes nothing: it runs while migrations do, which may fail. Files of earlier releases stay where nginx serves them:
pages that were sent before the switch still ask for them. Which release has which, the lists in .releases tell whoever removes them once
three newer ones have been live. One process for all files: with some for each, publishing the few hundred of Django's admin took most of a
first start.
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
            # `collectstatic --link` leaves links to the packages' own files.
            if os.path.isfile(path):
                yield os.path.relpath(path, folder)


def as_lines(files):
    # In bytes: a name needs no valid encoding.
    return b"".join(sorted(b"./" + os.fsencode(file) + b"\n" for file in files))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def digest(path):
    return hashlib.sha256(read(path)).hexdigest()


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


def is_published(file, source, published):
    path = os.path.join(published, file)
    return os.path.isfile(path) and filecmp.cmp(os.path.join(source, file), path, shallow=False)


def copy(file, source, published, gathered):
    if is_published(file, source, published):
        return
    path = os.path.join(published, file)
    # What was packed of another content; what the image has packed itself is a file like others.
    outdated = [by_brotli(published, file)] + ([] if file + ".gz" in gathered else [path + ".gz"])
    for packed in outdated:
        if os.path.exists(packed):
            os.remove(packed)
    replace(path, lambda incoming: shutil.copyfile(os.path.join(source, file), incoming))


def packed_paths(file, published, gathered):
    """Returns where a file's packed ones belong, by their ending."""
    by_gzip = {} if file + ".gz" in gathered else {".gz": os.path.join(published, file) + ".gz"}
    return {**by_gzip, ".br": by_brotli(published, file)} if brotli else by_gzip


def compress(path, ending):
    content = read(path)
    return gzip.compress(content, 9, mtime=0) if ending == ".gz" else brotli.compress(content, quality=BROTLI_QUALITY)


def on_all_processors(work, items):
    # Both packers work outside of Python's one lock; each holds its file and what becomes of it.
    with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count(), 4)) as pool:
        list(pool.map(work, items))


def gather(source):
    """Returns the gathered files, and of those that can be packed the ones of each content: most are there under their own name and one with a hash in it."""
    gathered = {file for file in files_below(source) if os.path.basename(file) != "staticfiles.json"}
    same = collections.defaultdict(list)
    for file in gathered:
        if file.endswith(PACKABLE):
            same[digest(os.path.join(source, file))].append(file)
    return gathered, same


def pack(source, published, folder):
    gathered, same = gather(source)

    def pack_content(content):
        missing = set()
        for file in same[content]:
            current = is_published(file, source, published)
            missing |= {ending for ending, path in packed_paths(file, published, gathered).items() if not (current and os.path.exists(path))}
        for ending in missing:
            write(os.path.join(folder, content + ending), compress(os.path.join(source, same[content][0]), ending))

    on_all_processors(pack_content, same)


def publish(source, published, folder):
    lists = os.path.join(published, ".releases")
    if not os.path.isdir(lists):
        before = as_lines(file for file in files_below(published) if not file.endswith(".gz"))
        os.mkdir(lists, 0o700)
        if before:
            write(os.path.join(lists, "before"), before)
    if brotli is None:
        print("release: the image has no package Brotli, static files are packed by gzip alone", flush=True)
    gathered, same = gather(source)
    for file in gathered:
        copy(file, source, published, gathered)

    # Packed here, once, and not by nginx at each request.
    def publish_packed(content):
        packed = {}
        for file in same[content]:
            for ending, path in packed_paths(file, published, gathered).items():
                if not os.path.exists(path):
                    if ending not in packed:
                        ready = os.path.join(folder, content + ending)
                        packed[ending] = read(ready) if os.path.exists(ready) else compress(os.path.join(source, file), ending)
                    write(path, packed[ending])

    on_all_processors(publish_packed, same)
    release = as_lines(gathered)
    write(os.path.join(lists, hashlib.sha256(release).hexdigest()[:12]), release)


step, *folders = sys.argv[1:]
try:
    {"pack": pack, "publish": publish}[step](*folders)
except OSError as error:
    sys.exit(f"release: static files can't be {step}ed: {error}")
