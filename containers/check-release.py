"""Loads a release as gunicorn will, and compares Django's settings with what the stack gives them and does with them.

Arguments: what gunicorn loads, its worker class, and a file that gets the name of the settings. Run within `manage.py shell` as "development", for
runserver, it looks at app.healthPath alone. A release that can't work fails; what works otherwise than its developers will expect is a warning.
Each has an id: SILENCED_SYSTEM_CHECKS, Django's own setting, may name those that are meant.
"""

import os
import sys

# `manage.py shell` doesn't look here.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import django_stack_checks


def load(module):
    from gunicorn.app.wsgiapp import WSGIApplication

    sys.argv = ["gunicorn", "--check-config", module]
    try:
        WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").run()
    except SystemExit as end:
        if end.code:
            raise


def load_worker_class(name):
    from gunicorn.util import load_class

    try:
        load_class(name)
    except RuntimeError as error:
        cause = str(error).strip(" \n]").splitlines()[-1]
        sys.exit(f"release: gunicorn has no worker class {name}: {cause}; add what it needs to the packages of the image")


def compare_settings(checks):
    from django.core.checks import ERROR

    errors = []
    for check in checks:
        try:
            messages = [message for message in check() if not message.is_silenced()]
        except Exception as error:
            print(f"release: warning: the settings can't be compared with the stack's ({check.__name__}): {error}", flush=True)
            continue
        for message in messages:
            text = " ".join(f"{message.msg}{'' if message.hint is None else f'; fix: {message.hint}'} ({message.id})".split())
            if message.level >= ERROR:
                errors.append(f"release: {text}")
            else:
                print(f"release: warning: {text}", flush=True)
    if errors:
        sys.exit("\n".join(errors))


def main(module, worker_class, settings_file):
    load(module)
    load_worker_class(worker_class)
    if "DJANGO_SETTINGS_MODULE" in os.environ and "django.conf" in sys.modules:
        with open(settings_file, "w") as file:
            file.write(os.environ["DJANGO_SETTINGS_MODULE"])
        compare_settings(django_stack_checks.all_of(worker_class))


if __name__ == "development":
    compare_settings([django_stack_checks.health])
else:
    main(*sys.argv[1:])
