"""gunicorn's settings beside its command line: the project's own file, workers that have loaded everything before they answer, and that end fast."""

import atexit
import gc
import importlib.util
import os
import pathlib
import sys
import threading

# Nobody asks for it here, and its thread would be forked with the workers.
control_socket_disable = True

_path = pathlib.Path("gunicorn.conf.py").resolve()
_own_on_starting = None
_own_post_worker_init = None
_own_worker_exit = None

# gunicorn would read the project's file by itself, if it weren't told of this one.
if _path.is_file():
    _spec = importlib.util.spec_from_file_location("project_gunicorn_conf", _path)
    _own = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_own)
    globals().update({name: value for name, value in vars(_own).items() if not name.startswith("_")})
    _own_on_starting = getattr(_own, "on_starting", None)
    _own_post_worker_init = getattr(_own, "post_worker_init", None)
    _own_worker_exit = getattr(_own, "worker_exit", None)


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


def worker_exit(server, worker):
    """Ends a worker in order, but for taking the project apart object by object, as Python does at the end.

    That would write to each page that the workers share, and so copy it, in all of them at once: at the end of a replica it cost a worker of the
    sample 35 ms of a processor and 34 MB, while others still answered.
    """
    if _own_worker_exit is not None:
        _own_worker_exit(server, worker)
    ending = sys.exc_info()[1]
    # The server calls this, too, for a worker that it finds gone; and by its exit code it knows a worker that couldn't start.
    if os.getpid() != worker.pid or not isinstance(ending, SystemExit) or ending.code not in (None, 0):
        return
    # What Python does before: other threads, who asked to be told, what is still to be written.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _load_urls():
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        from django.urls import get_resolver

        get_resolver().url_patterns
