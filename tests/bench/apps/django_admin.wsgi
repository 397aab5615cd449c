"""Django's admin site, and /held?FOLDER, which waits for the file FOLDER/go and notes which process does."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["DJANGO_SETTINGS_MODULE"] = "adminsite.settings"

from django.core.wsgi import get_wsgi_application  # noqa: E402

site = get_wsgi_application()


def application(environ, start_response):
    if environ["PATH_INFO"] != "/held":
        return site(environ, start_response)
    folder = environ["QUERY_STRING"]
    with open(f"{folder}/{os.getpid()}", "w", encoding="ascii"):
        pass
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.005)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"held"]
