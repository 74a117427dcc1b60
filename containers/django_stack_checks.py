"""What check-release.py compares of a project's settings with what the stack gives and does: checks as Django has them, each with an id of its own.

Whoever runs one has loaded the project; GIVEN_SETTINGS is from before, so this is imported first.
"""

import os
import re
from urllib.parse import urlsplit

GIVEN_SETTINGS = os.environ.get("DJANGO_SETTINGS_MODULE")
# Where nginx serves uploads from.
MEDIA_FOLDER = "/vol/web/media"
# What nginx' cache knows beside CACHE_SESSION_COOKIES.
LANGUAGE_COOKIE = "django_language"
# Of Django's admin, the REST framework, allauth, django-two-factor-auth and Wagtail.
LOGIN_VIEWS = ["admin:login", "rest_framework:login", "account_login", "two_factor:login", "wagtailadmin_login"]
# Of Django's deployment checks those that nginx' own headers and redirects don't answer; the last two are about sites over TLS.
DJANGO_CHECKS = {"security.W018", "security.W020"}
WEAK_KEY = "security.W009"
DJANGO_TLS_CHECKS = {"security.W012", "security.W016"}


def database():
    from django.core.checks import Error, Warning
    from django.db import connection

    default = connection.settings_dict
    own = os.environ["DATABASE_HOST"]
    if connection.vendor == "sqlite":
        yield Error(
            f"the default database is SQLite, {default['NAME']}: containers don't keep it, and backups are of the stack's Postgres",
            hint="take DATABASE_URL, or DATABASE_HOST, _PORT, _NAME, _USER and _PASSWORD, from the environment",
            id="django_stack.E001",
        )
    elif default["HOST"] != own:
        yield Warning(
            f"the default database is at {default['HOST'] or 'no host'}; the stack's own, {own}, stays empty, and backups are of that",
            hint="take DATABASE_URL, or DATABASE_HOST, _PORT, _NAME, _USER and _PASSWORD, from the environment",
            id="django_stack.W001",
        )


def connections_kept():
    from django.core.checks import Warning
    from django.db import connection

    default = connection.settings_dict
    if connection.vendor == "postgresql" and default["CONN_MAX_AGE"] != 0 and not default["OPTIONS"].get("pool"):
        yield Warning(
            f"CONN_MAX_AGE is {default['CONN_MAX_AGE']}, and with this worker class each request has a thread, and so a connection, of its own: they pile up until Postgres has none left",
            hint="take CONN_MAX_AGE from the environment, or set a pool in the database's OPTIONS",
            id="django_stack.W011",
        )


def is_answered(path):
    """Whether Django has a view for it; where it has, the settings are what its developers mean."""
    from django.urls import Resolver404, resolve

    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def settings_module():
    from django.core.checks import Warning

    own = os.environ["DJANGO_SETTINGS_MODULE"]
    if own == GIVEN_SETTINGS or not os.path.isfile("manage.py"):
        return
    with open("manage.py") as file:
        default = re.search(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""", file.read())
    if default and default[1] != own:
        yield Warning(
            f"gunicorn takes {own}, and manage.py {default[1]}: the release job goes by the first, background processes and you by the second",
            hint=f"set DJANGO_SETTINGS_MODULE to {own} in app.env",
            id="django_stack.W009",
        )


def uploads():
    from django.conf import settings
    from django.core.checks import Warning
    from django.core.files.storage import FileSystemStorage, default_storage

    if not settings.MEDIA_ROOT or not isinstance(default_storage, FileSystemStorage):
        return
    folder = os.path.relpath(default_storage.location, MEDIA_FOLDER)
    if folder == ".." or folder.startswith("../"):
        yield Warning(
            f"uploads go to {default_storage.location}, where a replica can't write; its volume for them is {MEDIA_FOLDER}",
            hint="take MEDIA_ROOT from the environment",
            id="django_stack.W002",
        )
        return
    served = "/media/" if folder == "." else f"/media/{folder}/"
    url = urlsplit(default_storage.base_url or "")
    if not url.netloc and url.path != served and not is_answered(url.path + "file"):
        yield Warning(
            f"pages name uploads at {url.path}, and nginx serves them at {served}", hint=f"set MEDIA_URL to {served}", id="django_stack.W003"
        )
    mode = default_storage.file_permissions_mode
    if mode is not None and not mode & 0o004:
        yield Warning(
            f"FILE_UPLOAD_PERMISSIONS is {mode:#o}, and nginx, another user, can't read uploads", hint="set it to 0o644", id="django_stack.W004"
        )


def static_files():
    from django.conf import settings
    from django.core.checks import Warning

    if "django.contrib.staticfiles" not in settings.INSTALLED_APPS or any("whitenoise" in name.lower() for name in settings.MIDDLEWARE):
        return
    url = urlsplit(settings.STATIC_URL or "")
    if not url.netloc and url.path != "/static/" and not is_answered(url.path + "file"):
        yield Warning(
            f"pages name static files at {url.path}, and nginx serves them at /static/", hint="set STATIC_URL to /static/", id="django_stack.W005"
        )


def refused_hosts():
    """Returns the site's names that Django doesn't answer to, the domain first."""
    from django.conf import settings
    from django.http.request import validate_host

    # Django's own, where it is told none.
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return [name for name in os.environ["ALLOWED_HOSTS"].split(",") if not validate_host(name, allowed)]


def hosts():
    from django.conf import settings
    from django.core.checks import Warning

    refused = refused_hosts()
    # Of none at all Django's own check speaks.
    if refused and settings.ALLOWED_HOSTS:
        names = ", ".join("*" + name if name.startswith(".") else name for name in refused)
        yield Warning(
            f"visitors of {names} get 400: ALLOWED_HOSTS hasn't that name",
            hint="take ALLOWED_HOSTS from the environment",
            id="django_stack.W006",
        )


def health():
    """Nothing but what is certain: a path that no view and no middleware knows, or a domain that Django refuses.

    What a view says may depend on migrations that are still to come.
    """
    from django.core.checks import Error
    from django.test import Client

    path = os.environ["HEALTH_PATH"]
    domain = os.environ["ALLOWED_HOSTS"].split(",")[0]
    is_known = is_answered(path.partition("?")[0])
    is_refused = domain in refused_hosts()
    if is_known and not is_refused:
        return
    https = os.environ["HTTPS"] == "true"
    headers = {"HTTP_HOST": domain, "HTTP_X_FORWARDED_PROTO": "https" if https else "http"}
    response = Client(raise_request_exception=False, **headers).get(path, secure=https)
    to = f" to {response['Location']}" if "Location" in response else ""
    answer = f"Django answers {path} with {response.status_code} {response.reason_phrase}{to}, and a replica is healthy when it answers 200"
    if is_refused and response.status_code == 400:
        yield Error(f"{answer}; ALLOWED_HOSTS hasn't {domain}", hint="take ALLOWED_HOSTS from the environment", id="django_stack.E003")
    elif not is_known and 300 <= response.status_code < 500:
        yield Error(answer, hint="name such a path of the project in app.healthPath, or give it a view there", id="django_stack.E002")


def key_is_given():
    from django.conf import settings

    return settings.SECRET_KEY in os.environ.values()


def secret_key():
    from django.core.checks import Warning

    if not key_is_given():
        yield Warning(
            "SECRET_KEY isn't from the environment: whoever has the image may have it, and secrets.secretKeyVersion changes nothing",
            hint="take SECRET_KEY, or a name from secretEnv, from the environment",
            id="django_stack.W007",
        )


def sessions():
    from django.conf import settings
    from django.core.checks import Warning

    backend = settings.CACHES.get(settings.SESSION_CACHE_ALIAS, {}).get("BACKEND", "")
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.cache" and backend.endswith((".LocMemCache", ".DummyCache")):
        yield Warning(
            f"sessions are kept by {backend.rpartition('.')[2]}, and no worker knows those of another: visitors are logged out at random",
            hint="keep them in the database, or in a cache that all workers share",
            id="django_stack.W008",
        )


def session_cookie():
    from django.conf import settings
    from django.core.checks import Warning

    known = os.environ["CACHE_SESSION_COOKIES"].split()
    if known and settings.SESSION_COOKIE_NAME not in known:
        yield Warning(
            f"nginx keeps answers for all, but for visitors with the cookie {' or '.join(known)}; that of a session is {settings.SESSION_COOKIE_NAME}",
            hint=f"name {settings.SESSION_COOKIE_NAME} in cache.sessionCookies",
            id="django_stack.W010",
        )


def language_cookie():
    from django.conf import settings
    from django.core.checks import Warning

    session_cookies = os.environ["CACHE_SESSION_COOKIES"].split()
    name = settings.LANGUAGE_COOKIE_NAME
    if session_cookies and name not in [*session_cookies, LANGUAGE_COOKIE] and any(entry.endswith("LocaleMiddleware") for entry in settings.MIDDLEWARE):
        yield Warning(
            f"a page's language follows the cookie {name}, which nginx' cache doesn't know: visitors may get it in somebody else's",
            hint=f"name {name} in cache.sessionCookies",
            id="django_stack.W012",
        )


def login_paths():
    """Returns where the project's forms for logging in are; where addresses begin with a language, in the first three."""
    from django.conf import settings
    from django.conf.urls.i18n import is_language_prefix_patterns_used
    from django.shortcuts import resolve_url
    from django.urls import NoReverseMatch
    from django.utils import translation

    has_prefix, _ = is_language_prefix_patterns_used(settings.ROOT_URLCONF)
    # Of each language Django makes a table of all URLs.
    languages = [code for code, _ in settings.LANGUAGES[:3]] if has_prefix else [settings.LANGUAGE_CODE]
    found = []
    for language in languages:
        with translation.override(language):
            for view in [*LOGIN_VIEWS, settings.LOGIN_URL]:
                try:
                    url = urlsplit(resolve_url(view))
                except NoReverseMatch:
                    continue
                if not url.netloc and url.path not in found and is_answered(url.path):
                    found.append(url.path)
    return found


def logins():
    from django.core.checks import Warning

    limited = [re.compile(re.escape(path).replace(r"\*", "[^/]+")) for path in os.environ["LOGIN_PATHS"].split()]
    others = [path for path in login_paths() if not any(pattern.fullmatch(path) for pattern in limited)]
    if limited and others:
        yield Warning(
            f"nobody limits attempts to log in at {', '.join(others)}",
            hint="name that in limits.loginPaths, with * for a part that differs",
            id="django_stack.W013",
        )


def deployment():
    from django.core.checks import Tags, run_checks

    told = DJANGO_CHECKS | (DJANGO_TLS_CHECKS if os.environ["HTTPS"] == "true" else set()) | ({WEAK_KEY} if key_is_given() else set())
    return [message for message in run_checks(tags=[Tags.security], include_deployment_checks=True) if message.id in told]


def all_of(worker_class):
    """Returns the checks for a worker class, in the order in which they are told."""
    has_thread_per_request = worker_class not in ("sync", "gthread")
    about_connections = [connections_kept] if has_thread_per_request else []
    about_cache = [session_cookie, language_cookie]
    return [database, *about_connections, health, settings_module, uploads, static_files, hosts, secret_key, sessions, *about_cache, logins, deployment]
