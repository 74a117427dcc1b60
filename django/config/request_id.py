"""Puts the id that nginx gave a request into every log line of its, so that both logs can be read together."""

import logging
from contextvars import ContextVar

_current = ContextVar("request_id", default="-")


def middleware(get_response):
    def handle(request):
        # Not taken back afterwards: Django logs a response's status once every middleware is done.
        _current.set(request.headers.get("X-Request-ID", "-")[:64])
        return get_response(request)

    return handle


class AddRequestId(logging.Filter):
    def filter(self, record):
        record.request_id = _current.get()
        return True
