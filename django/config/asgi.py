"""For app.workerClass uvicorn."""

import os

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()

# Django would import the views at each worker's first request, which somebody is waiting for.
get_resolver().url_patterns
