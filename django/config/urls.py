from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from movies.views import MovieViewSet, favicon, index

from .health import healthz, readyz

handler500 = "config.errors.handler500"

router = DefaultRouter()
router.register("movies", MovieViewSet)

urlpatterns = [
    path("", index, name="index"),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("favicon.ico", favicon),
    path("healthz", healthz),
    path("readyz", readyz),
    # With DEBUG alone; otherwise nginx serves the uploads.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
