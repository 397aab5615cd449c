"""The Django project again; each answer tells the version, which a deployment changes."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["DJANGO_SETTINGS_MODULE"] = "benchsite.settings"

from django.core.wsgi import get_wsgi_application  # noqa: E402

VERSION = "0"
django = get_wsgi_application()


def application(environ, start_response):
    def start(status, headers, *further):
        return start_response(status, [*headers, ("X-Version", VERSION)], *further)

    return django(environ, start)
