import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.views.defaults import server_error


def handler500(request):
    """Answer 503 with Retry-After while the database can't be used, and 500 for every other error."""
    if isinstance(sys.exception(), (InterfaceError, OperationalError)):
        text = "The site can't reach its database. Please try again in a few seconds.\n"
        return HttpResponse(text, content_type="text/plain", status=503, headers={"Retry-After": "5", "Cache-Control": "no-store"})
    return server_error(request)
