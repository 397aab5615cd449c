"""Shows the pickle guard at work: `brine serve docs/examples/pickle.wsgi`, and docs/pickle.md goes through it.

/session     a session whose cart is of a class that is defined in this script
/keep        keeps an object beyond the request, as caches do
/reload      reloads the module of its class, as tools for development do
/kept        pickles it
/lambda      a lambda in a list
/values      what is safe to pickle: values of built-in types, and of classes of modules
/restore     a pickle that names a class which is not there
/counters    what this process has met so far
"""

import fractions
import importlib
import json
import pickle
from datetime import date

import brine.pickle


class Item:
    def __init__(self, name):
        self.name = name


class Cart:
    def __init__(self, *items):
        self.items = list(items)


def session():
    session = {"user": 7, "cart": Cart(Item("tea"), Item("milk"))}
    return pickle.dumps(session)


cache = {}


def keep():
    cache["kept"] = fractions.Fraction(1, 3)
    return b"kept"


def reload():
    importlib.reload(fractions)
    return b"reloaded"


def kept():
    kept = cache.get("kept")
    return pickle.dumps(kept)


def with_lambda():
    tasks = ["tea", lambda: "milk"]
    return pickle.dumps(tasks)


def values():
    values = {"user": 7, "since": date(2024, 5, 1), "names": ("tea", "milk")}
    return pickle.dumps(values)


def restore():
    return pickle.loads(b"cshop.models\nCart\n.")


def counters():
    return json.dumps(brine.pickle.counters()).encode()


PAGES = {"/session": session, "/keep": keep, "/reload": reload, "/kept": kept, "/lambda": with_lambda,
         "/values": values, "/restore": restore, "/counters": counters}


def application(environ, start_response):
    page = PAGES.get(environ["PATH_INFO"])
    try:
        body = page() if page else __doc__.encode()
        status = "200 OK"
    except Exception as error:
        notes = getattr(error, "__notes__", ())
        body = "\n".join([f"{type(error).__name__}: {error}", *notes]).encode()
        status = "500 Internal Server Error"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body + b"\n"]
