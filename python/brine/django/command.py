"""The command `runbrine`, and `runmodwsgi`, which differs in what is the default."""

import argparse
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from brine.django.options import site_of
from brine.installation import find_brine, version
from brine.option_types import Range, byte_count
from brine.refusal import Refusal
from brine.site import MPMS
from brine.starting import start

# Options of mod_wsgi-express that say what is so anyway.
_WITHOUT_EFFECT = ("--log-to-terminal", "--startup-log", "--disable-reloading")


class Command(BaseCommand):  # type: ignore[misc]
    """Serves the project by Apache httpd, in the foreground."""

    help = "Serves this project by Apache httpd and Brine until Ctrl-C."
    stealth_options = ("addrport",)
    reload_by_default = True

    def get_version(self) -> str:
        """Brine's."""
        return version()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The options of `brine serve` and runserver, and the most used of mod_wsgi-express."""
        add = parser.add_argument
        add("addrport", nargs="?", default="", help="PORT or HOST:PORT, as for runserver (default 127.0.0.1:8000)")
        add("--host", help="address to listen on (default 127.0.0.1; 0.0.0.0 or ::, all of this machine's)")
        add("--port", type=Range(0, 65535), metavar="N", help="TCP port (default 8000; 0: a free one)")
        add("--processes", type=Range(1, 1000), default=1, metavar="N", help="processes (default 1)")
        add("--threads", type=Range(1, 1000), default=8, metavar="N", help="threads of each (default 8)")
        add("--mpm", "--server-mpm", choices=MPMS, default="event", help="httpd's way to use processes and threads")
        add("--mount", "--mount-point", default="/", metavar="URL", help="URL path of the project (default /)")
        add("--static", action="append", default=[], metavar="URL=DIR",
            help="let httpd serve the files of DIR at URL; may be repeated")
        add("--url-alias", nargs=2, action="append", default=[], metavar=("URL", "DIR"), help="the same, in two words")
        add("--nostatic", action="store_true", help="do not serve the files of django.contrib.staticfiles")
        add("--insecure", action="store_true", help="serve them by their finders though DEBUG is False")
        add("--reload", "--reload-on-changes", action="store_true", default=self.reload_by_default, dest="reload",
            help="load the project anew when a .py file changes" + (" (the default)" if self.reload_by_default else ""))
        add("--noreload", action="store_false", dest="reload", help="do not")
        add("--limit-request-body", type=byte_count, metavar="SIZE", help="largest body of a request")
        add("--request-timeout", type=Range(0, 86400), metavar="S", help="seconds that a request may take")
        for name in _WITHOUT_EFFECT:
            add(name, action="store_true", help=argparse.SUPPRESS)

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Serves, and ends the program with the code of `brine serve`."""
        try:
            brine = find_brine(None, None)
            site, said = site_of(settings, options)
            if said:
                self.stderr.write(said)
            code = start(site, brine)
        except Refusal as refusal:
            raise CommandError(str(refusal), returncode=2) from None
        except OSError as error:
            subject = f"{error.filename}: " if error.filename is not None else ""
            raise CommandError(f"The system refused what was to be done: {subject}{error.strerror or error}.",
                               returncode=2) from None
        if code:
            sys.exit(code)


class ModWsgiCommand(Command):
    """As mod_wsgi's: changes of modules are looked for where --reload-on-changes says so."""

    reload_by_default = False
