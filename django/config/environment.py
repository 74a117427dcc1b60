"""Reads settings from the environment, and secrets from the files that NAME_FILE names."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_required = object()


def text(name, default=_required):
    """Return $NAME, or the content of the file that $NAME_FILE names."""
    if f"{name}_FILE" in os.environ:
        return Path(os.environ[f"{name}_FILE"]).read_text().rstrip("\n")
    value = os.environ.get(name, default)
    if value is _required:
        raise ImproperlyConfigured(f"set {name}, or {name}_FILE to the path of a file that holds it")
    return value


def flag(name, default=False):
    """Return whether $NAME is "true"; anything but "true" and "false" is refused."""
    value = os.environ.get(name, "true" if default else "false")
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name}: got {value!r}; allowed: true, false")
    return value == "true"


def words(name, default=""):
    """Return the parts of $NAME between commas."""
    return [word for word in text(name, default).split(",") if word]
