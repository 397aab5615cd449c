"""Puts things into Django's caches and sessions, which pickle them.

Branches: `into=` locmem, files, session; `what=` values, model, item, lambda.
"""

import datetime
import decimal
import os
import tempfile

import django
from django.conf import settings

folder = os.environ.get("BRINE_TEST_CACHE") or tempfile.mkdtemp()
if not settings.configured:
    settings.configure(
        SECRET_KEY="for tests only", USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        SESSION_ENGINE="django.contrib.sessions.backends.file", SESSION_FILE_PATH=folder,
        SESSION_SERIALIZER="django.contrib.sessions.serializers.PickleSerializer",
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
                "files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                          "LOCATION": folder}})
    django.setup()

from attempts import tells, watch  # noqa: E402
from django.contrib.auth.models import Permission, User  # noqa: E402
from django.contrib.sessions.backends.file import SessionStore  # noqa: E402
from django.core.cache import caches  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.datastructures import MultiValueDict  # noqa: E402
from django.utils.functional import lazystr  # noqa: E402
from django.utils.safestring import mark_safe  # noqa: E402


class Item:
    pass


WHAT = {
    "values": lambda: {"list": [1, "two", 3.0], "when": datetime.datetime(2000, 1, 2),
                       "price": decimal.Decimal("9.99"), "now": timezone.now(), "html": mark_safe("<b>"),
                       "many": MultiValueDict({"a": [1, 2]})},
    "model": lambda: [User(username="ada"), Permission(name="p"), User.objects.none(), lazystr("lazy")],
    "item": lambda: {"user": User(username="ada"), "cart": [Item()]},
    "lambda": lambda: {"total": lambda: 0},
}


def through_cache(name, value):
    caches[name].set("key", value)
    return caches[name].get("key") is not None


def through_session(value):
    session = SessionStore()
    session["value"] = value
    session.save()
    return SessionStore(session.session_key)["value"] is not None


@tells
def application(query):
    value = WHAT[query["what"]]()
    if query["into"] == "session":
        return watch(through_session, value)
    return watch(through_cache, {"locmem": "default", "files": "files"}[query["into"]], value)
