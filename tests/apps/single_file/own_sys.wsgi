"""What ordinary code does with `sys` and `sys.modules` in a script: each of CHECKS is one, named in the query.

The script looks itself up, so it has a `sys` of its own (see script/bootstrap.py), which must not show. The answer is JSON.
"""

import copy
import functools
import importlib
import json
import os
import pickle
import sys
import types
from unittest import mock

from sys import modules


class Real:
    """The interpreter's own: not among the names of this module, where they would be replaced."""

    sys = os.sys
    modules = os.sys.modules


def intact():
    """Whether the interpreter's own sys and sys.modules are as they were."""
    return Real.sys.modules is Real.modules and Real.modules["sys"] is Real.sys and "tests-made-this" not in Real.sys.path


def of_itself():
    """The script is found, so all that follows is about the `sys` that finds it."""
    return [sys.modules[__name__].__dict__ is globals(), modules[__name__].__dict__ is globals(), __name__ in Real.modules]


def new_module():
    made = type(sys)("settings", "its text")
    made.path, made.modules, made.argv = ["tests-made-this"], {}, ["tests-made-this"]
    return [type(made) is types.ModuleType, made.__name__, made.__doc__, made.path, Real.sys.argv]


def derived():
    class Lazy(type(sys)):
        def __init__(self, name):
            super().__init__(name)
            self.path = ["tests-made-this"]

        def __getattr__(self, name):
            return f"lazy {name} of {self.__name__} {__class__ is Lazy}"

    class Registered(type(sys)):
        def __init_subclass__(cls, word):
            cls.word = word

    class Deeper(Registered, word="told"):
        pass

    return [Lazy("one").part, Lazy.__mro__ == (Lazy, types.ModuleType, object), type(Lazy) is type, Deeper.word,
            isinstance(Deeper("two"), type(sys)), isinstance(Lazy("one"), Deeper)]


def kinds():
    class_of_sys = type(sys)
    return [isinstance(os, class_of_sys), isinstance(sys, types.ModuleType), isinstance(1, class_of_sys),
            issubclass(types.ModuleType, class_of_sys), issubclass(int, class_of_sys),
            class_of_sys == types.ModuleType == type(os) == class_of_sys, class_of_sys != int, repr(class_of_sys), class_of_sys.__name__,
            {types.ModuleType: "found"}[class_of_sys], {class_of_sys: "found"}[type(os)], sys.__class__ is types.ModuleType]


def dispatched():
    @functools.singledispatch
    def kind(value):
        return "other"

    @kind.register(type(sys))
    def _(value):
        return "module"

    return [kind(os), kind(sys), kind(1)]


def equal():
    return [sys == Real.sys, Real.sys == sys, sys != os, {Real.sys: "found"}[sys], {sys: "found"}[Real.sys], sys in [Real.sys], os.sys == sys]


def attributes():
    own, real = vars(sys), vars(Real.sys)
    return [own is real, dir(sys) == dir(Real.sys), repr(sys) == repr(Real.sys), sys.__doc__ == Real.sys.__doc__, sys.__spec__ is Real.sys.__spec__,
            hasattr(sys, "__module__"), sys.path is Real.sys.path, sys.__name__, getattr(sys, "nothing", "default")]


def set_and_deleted():
    sys.tests_made_this = 1
    found = [Real.sys.tests_made_this, "tests_made_this" in vars(sys)]
    del sys.tests_made_this
    return [*found, hasattr(Real.sys, "tests_made_this")]


def streams():
    stream, argv = types.SimpleNamespace(write=len, flush=int), ["tests", "arguments"]
    with mock.patch.object(sys, "stdout", stream), mock.patch.object(sys, "argv", argv), mock.patch.object(sys, "path", []):
        found = [Real.sys.stdout is stream, Real.sys.argv is argv, Real.sys.path]
    return [*found, Real.sys.stdout is sys.stdout is not stream, Real.sys.argv]


def patched_modules():
    fake = {"json": "a fake"}
    with mock.patch.object(sys, "modules", fake):
        found = [Real.sys.modules is fake, sys.modules["json"]]
    with mock.patch.dict(sys.modules, {"tests_made_this": os}):
        found += [importlib.import_module("tests_made_this") is os, Real.modules["tests_made_this"] is os]
    return [*found, "tests_made_this" in Real.modules, sys.modules["json"] is json, "json" in Real.modules]


def saved_modules():
    saved = sys.modules
    try:
        sys.modules = {**saved}
    finally:
        sys.modules = saved
    sys.modules |= {"tests_made_this": os}
    found = [Real.modules.pop("tests_made_this") is os]
    sys.modules = sys.modules
    setattr(sys, "modules", modules)
    return [*found, Real.sys.modules is Real.modules]


def as_a_dict():
    last = next(reversed(Real.modules))
    return [isinstance(sys.modules, dict), type(sys.modules | {}) is dict, (sys.modules | {"os": 1})["os"], ({"os": 1} | sys.modules)["os"] is os,
            next(reversed(sys.modules)) == last, sys.modules == Real.modules == modules, len(sys.modules) == len(Real.modules),
            repr(sys.modules) == repr(Real.modules), list(sys.modules) == list(Real.modules), {**sys.modules} == dict(modules.items())]


def taken_out():
    sys.modules["tests_made_this"] = os
    sys.modules["tests_made_that"] = os
    del sys.modules["tests_made_that"]
    found = [sys.modules.pop("tests_made_this") is os, sys.modules.pop("tests_made_this", "default"), "tests_made_that" in Real.modules]
    for remove in (lambda: sys.modules.pop("tests_made_this"), lambda: sys.modules.__delitem__("tests_made_this")):
        try:
            remove()
        except KeyError as error:
            found.append(error.args)
    sys.modules["tests_made_this"] = os
    return [*found, sys.modules.popitem()[0]]


def itself_taken_out():
    found = sys.modules.pop(__name__).__dict__ is globals()
    del sys.modules[__name__]
    return [found, sys.modules.pop(__name__, None) is sys.modules[__name__]]


def copied():
    found = [type(copy.copy(sys.modules)) is dict, copy.copy(sys.modules) == Real.modules]
    for take in (copy.copy, copy.deepcopy, pickle.dumps):
        for value in (sys, sys.modules):
            try:
                take(value)
            except TypeError as error:
                found.append("cannot pickle" in str(error))
    return found


def reloaded():
    return [importlib.reload(sys) is sys, importlib.reload(Real.sys) is Real.sys, importlib.reload(json) is json, importlib.reload.__name__]


CHECKS = dict(globals())


def application(environ, start_response):
    answer = CHECKS[environ["QUERY_STRING"]]()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([answer, intact()]).encode()]
