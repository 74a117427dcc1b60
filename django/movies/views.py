from django.shortcuts import redirect, render
from django.templatetags.static import static
from rest_framework.filters import SearchFilter
from rest_framework.viewsets import ModelViewSet

from .models import Movie
from .serializers import MovieSerializer


class MovieViewSet(ModelViewSet):
    """List, search, create, update and delete movies; writing needs a login."""

    queryset = Movie.objects.all()
    serializer_class = MovieSerializer
    filter_backends = [SearchFilter]
    search_fields = ["title", "description"]


def index(request):
    """Show the movies on a page."""
    return render(request, "movies/index.html", {"movies": Movie.objects.all()[:100]})


def favicon(request):
    """Send browsers that ask for the icon by its old name, as on the admin's pages, to the real one."""
    return redirect(static("movies/icon.svg"))
