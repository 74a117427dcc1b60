"""gunicorn's settings beside its command line: the project's own file, and workers that have loaded everything before they answer."""

import gc
import importlib.util
import os
import pathlib

# Nobody asks for it here, and its thread would be forked with the workers.
control_socket_disable = True

_path = pathlib.Path("gunicorn.conf.py").resolve()
_own_on_starting = None
_own_post_worker_init = None

# gunicorn would read the project's file by itself, if it weren't told of this one.
if _path.is_file():
    _spec = importlib.util.spec_from_file_location("project_gunicorn_conf", _path)
    _own = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_own)
    globals().update({name: value for name, value in vars(_own).items() if not name.startswith("_")})
    _own_on_starting = getattr(_own, "on_starting", None)
    _own_post_worker_init = getattr(_own, "post_worker_init", None)


def on_starting(server):
    """With --preload, after the project and before the workers: what they'll share is loaded, what they can't share is closed."""
    if _own_on_starting is not None:
        _own_on_starting(server)
    if not server.cfg.preload_app:
        return
    _load_urls()
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        from django.core.cache import caches
        from django.db import connections

        for connection in connections.all(initialized_only=True):
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()
        caches.close_all()
    # The collector would write to each object that is there already, and so copy its page for every worker (Python's documentation of it).
    gc.collect()
    gc.freeze()


def post_worker_init(worker):
    """Loads the URLs, which Django puts off until a worker's first request: after a roll-out all first requests come at once."""
    if _own_post_worker_init is not None:
        _own_post_worker_init(worker)
    _load_urls()


def _load_urls():
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        from django.urls import get_resolver

        get_resolver().url_patterns
