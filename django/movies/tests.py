import base64
import os
import tempfile
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, OperationalError
from django.test import Client, TestCase, override_settings

from .models import Movie

# The smallest PNG: one transparent pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


class Api(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.alien = Movie.objects.create(title="Alien", year=1979, description="In space")
        Movie.objects.create(title="Brazil", year=1985)
        get_user_model().objects.create_user("ripley", password="nostromo-1979")

    def test_lists_movies_by_title(self):
        response = self.client.get("/api/movies/")
        self.assertEqual([movie["title"] for movie in response.json()["results"]], ["Alien", "Brazil"])

    def test_searches_title_and_description(self):
        for words in ("alien", "space"):
            response = self.client.get("/api/movies/", {"search": words})
            self.assertEqual([movie["title"] for movie in response.json()["results"]], ["Alien"])

    def test_refuses_writing_without_a_login(self):
        response = self.client.post("/api/movies/", {"title": "Solaris", "year": 1972})
        self.assertEqual(response.status_code, 403)
        self.assertEqual(Movie.objects.count(), 2)

    def test_creates_updates_and_deletes(self):
        self.client.login(username="ripley", password="nostromo-1979")
        created = self.client.post("/api/movies/", {"title": "Solaris", "year": 1972})
        self.assertEqual(created.status_code, 201)
        url = f"/api/movies/{created.json()['id']}/"
        updated = self.client.patch(url, {"year": 2002}, content_type="application/json")
        self.assertEqual(updated.json()["year"], 2002)
        self.assertEqual(self.client.delete(url).status_code, 204)
        self.assertEqual(self.client.get(url).status_code, 404)

    def test_names_the_field_that_is_wrong(self):
        self.client.login(username="ripley", password="nostromo-1979")
        response = self.client.post("/api/movies/", {"title": "Too early", "year": 1800})
        self.assertEqual(response.status_code, 400)
        self.assertEqual(list(response.json()), ["year"])

    def test_takes_a_poster_that_others_may_read(self):
        self.client.login(username="ripley", password="nostromo-1979")
        with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
            poster = SimpleUploadedFile("alien.png", PIXEL, content_type="image/png")
            response = self.client.post("/api/movies/", {"title": "Aliens", "year": 1986, "poster": poster})
            self.assertEqual(response.status_code, 201)
            file = Movie.objects.get(title="Aliens").poster
            self.assertEqual(file.read(), PIXEL)
            self.assertEqual(os.stat(file.path).st_mode & 0o777, 0o644)

    def test_refuses_a_poster_that_is_no_image(self):
        self.client.login(username="ripley", password="nostromo-1979")
        poster = SimpleUploadedFile("page.png", b"<script>", content_type="image/png")
        response = self.client.post("/api/movies/", {"title": "X", "year": 1990, "poster": poster})
        self.assertEqual(list(response.json()), ["poster"])


class Pages(TestCase):
    def test_page_shows_movies_and_escapes_them(self):
        Movie.objects.create(title="<b>Bold</b>", year=2000)
        page = self.client.get("/").content.decode()
        self.assertIn("&lt;b&gt;Bold&lt;/b&gt; (2000)", page)
        self.assertIn("movies/site.css", page)

    def test_admin_login_asks_for_a_csrf_token(self):
        get_user_model().objects.create_superuser("root", password="nostromo-1979")
        client = Client(enforce_csrf_checks=True)
        form = {"username": "root", "password": "nostromo-1979", "next": "/admin/"}
        self.assertEqual(client.post("/admin/login/", form).status_code, 403)
        token = client.get("/admin/login/").cookies["csrftoken"].value
        self.assertEqual(client.post("/admin/login/", {**form, "csrfmiddlewaretoken": token}).status_code, 302)

    def test_favicon_leads_to_the_icon(self):
        self.assertEqual(self.client.get("/favicon.ico").headers["Location"], "/static/movies/icon.svg")

    def test_healthz_needs_no_database(self):
        with self.assertNumQueries(0):
            self.assertEqual(self.client.get("/healthz").status_code, 200)

    def test_readyz_tells_whether_the_database_answers(self):
        self.assertEqual(self.client.get("/readyz").status_code, 200)
        with patch("config.health.connection.cursor", side_effect=DatabaseError):
            self.assertEqual(self.client.get("/readyz").status_code, 503)

    def test_asks_to_come_back_while_the_database_is_away(self):
        self.client.raise_request_exception = False
        with patch("movies.views.Movie.objects.all", side_effect=OperationalError), self.assertLogs("django.request"):
            response = self.client.get("/")
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "5"))

    def test_answers_500_to_any_other_error(self):
        self.client.raise_request_exception = False
        with patch("movies.views.Movie.objects.all", side_effect=RuntimeError), self.assertLogs("django.request"):
            response = self.client.get("/")
        self.assertEqual(response.status_code, 500)
        self.assertNotIn("Retry-After", response.headers)
