"""The script looks itself up in sys.modules, as a program does that sets its own names."""

import sys
from sys import modules

GREETING = "Hello"


class Item:
    pass


setattr(sys.modules[__name__], "SET_WHILE_LOADING", "set")


def application(environ, start_response):
    module = sys.modules[__name__]
    setattr(module, "COUNT", getattr(module, "COUNT", 0) + 1)
    names = [module.GREETING, SET_WHILE_LOADING, sys.modules[Item.__module__].Item is Item,
             modules[__name__] is module, sys.modules.get(__name__).__dict__ is globals(), COUNT > 0]
    start_response("200 OK", [])
    return [repr(names).encode()]
