# A background process for tests: says in the media volume when it begins, is told to end, and ends.
import signal
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from movies.models import Movie


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("name")

    def handle(self, name, **options):
        def say(what):
            with open(Path(settings.MEDIA_ROOT) / "work.log", "a") as log:
                log.write(f"{name} VERSION {what}\n")
            self.stdout.write(what)

        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append(say("was told to end")))
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            say(f"began; statement_timeout {cursor.fetchone()[0]}; {Movie.objects.count()} movies")
        while not told:
            time.sleep(0.2)
        # What was begun is brought to its end.
        time.sleep(3)
        say("ended")
