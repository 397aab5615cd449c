"""The script looks itself up in sys.modules, as a program does that sets its own names."""

import sys
from sys import modules

GREETING = "Hello"


class Item:
    pass


def imported_here():
    import os, sys as system
    from sys import argv, modules as all_of_them, path
    module = system.modules[__name__]
    return all_of_them[__name__] is module.Finder().find() is module and (argv, path, os) == (sys.argv, sys.path, modules["os"])


class Finder:
    def find(self):
        try:
            raise KeyError
        except KeyError:
            import sys
        return (lambda: sys.modules.get(__name__))()


setattr(sys.modules[__name__], "SET_WHILE_LOADING", "set")


def application(environ, start_response):
    module = sys.modules[__name__]
    setattr(module, "COUNT", getattr(module, "COUNT", 0) + 1)
    names = [module.GREETING, SET_WHILE_LOADING, sys.modules[Item.__module__].Item is Item,
             modules[__name__] is module, sys.modules.get(__name__).__dict__ is globals(), COUNT > 0, imported_here()]
    start_response("200 OK", [])
    return [repr(names).encode()]
