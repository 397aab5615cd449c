"""A library that looks into sys.modules in ways that are not known to Brine."""

import sys
from sys import modules as loaded

def by_key(cls):
    return sys.modules[cls.__module__]

def by_name(name):
    return loaded[name].__dict__

def by_get(cls):
    return sys.modules.get(cls.__module__).__dict__

def import_and_take(name):
    __import__(name)
    return sys.modules[name]

def checked(cls):
    if cls.__module__ not in sys.modules:
        raise NameError(f"Module {cls.__module__} isn't present in sys.modules")

def wrapped(cls):
    try:
        return by_key(cls)
    except KeyError as error:
        raise RuntimeError("no such plugin") from error

def own_table(cls):
    return {}[cls.__module__]

def said(name):
    if name not in sys.modules:
        raise ImportError(f"no module {name}")

class ConstructorError(Exception):
    """As PyYAML's."""

def constructed(cls):
    name = cls.__module__
    if name not in sys.modules:
        raise ConstructorError(f"module {name!r} is not imported")

def variables(name):
    return vars(sys.modules.get(name))

def key_with_words(name):
    if name not in loaded:
        raise LookupError(f"nothing is called {name}.Item")

def repr_of_an_object(cls):
    return loaded and int(cls())

def key_of_an_object(cls):
    return sys.modules and {}.pop(cls)

def key_of_its_own(name):
    return sys.modules and {}.pop(name + ".task")

def not_defined(name):
    try:
        __import__(name).nothing
    except AttributeError as error:
        raise RuntimeError(f"not there: {error}") from sys.modules.get("nothing")
