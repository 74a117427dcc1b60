"""gunicorn's settings beside its command line: the project's own file, and workers that have loaded everything before they answer."""

import importlib.util
import os
import pathlib

_path = pathlib.Path("gunicorn.conf.py").resolve()
_own_post_worker_init = None

# gunicorn would read the project's file by itself, if it weren't told of this one.
if _path.is_file():
    _spec = importlib.util.spec_from_file_location("project_gunicorn_conf", _path)
    _own = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_own)
    globals().update({name: value for name, value in vars(_own).items() if not name.startswith("_")})
    _own_post_worker_init = getattr(_own, "post_worker_init", None)


def post_worker_init(worker):
    """Loads the URLs, which Django puts off until a worker's first request: after a roll-out all first requests come at once."""
    if _own_post_worker_init is not None:
        _own_post_worker_init(worker)
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        from django.urls import get_resolver

        get_resolver().url_patterns
