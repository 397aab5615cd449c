"""What Python's library finds by the script's name while a request is served: each of CHECKS is one.

The query names it, the answer is JSON.
"""

from __future__ import annotations

import enum
import functools
import importlib
import importlib.util
import inspect
import json
import pkgutil
import sys
import typing
import unittest
from collections import namedtuple

FOLDER = __file__.rpartition("/")[0]


class Part:
    """A part."""

    def size(self) -> Part:
        """Its size."""
        return self


class Item(Part):
    def size(self):
        return 7


class Test(unittest.TestCase):
    def test(self):
        self.assertTrue(Part)


def makes(part: Part, count: int = 1) -> Part:
    return part


def me():
    return importlib.import_module(__name__)


def is_me(module):
    return module.__dict__ is globals() and module.__name__ == __name__


def stays():
    """Whether a module of a script is in sys.modules after an import of it."""
    me()
    return [__name__ in sys.modules, [name for name in sys.modules if name.startswith("_mod_wsgi_")]]


def spec_after_import():
    before = __spec__, __loader__, __file__
    me()
    return [all(a is b for a, b in zip(before, (__spec__, __loader__, __file__))), getattr(__spec__, "_initializing", False)]


def imported():
    exec(f"import {__name__} as one\nfrom {__name__} import Part as two\nfrom {__name__} import *", names := {})
    return [is_me(names["one"]), names["two"] is Part, names["makes"] is makes]


def submodule():
    errors = []
    for call in (lambda: importlib.import_module(__name__ + ".other"), lambda: __import__(__name__ + ".other"),
                 lambda: importlib.import_module(".other", __name__), lambda: exec(f"import {__name__}.other")):
        try:
            call()
        except ModuleNotFoundError as error:
            errors.append(error.name == __name__ + ".other" and "is not a package" in str(error))
    return errors


def missing_name():
    try:
        exec(f"from {__name__} import nothing")
    except ImportError as error:
        return type(error).__name__, "cannot import name 'nothing'" in str(error)


def fresh_from_spec():
    spec = importlib.util.find_spec(__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return is_me(module)


def reloaded():
    try:
        importlib.reload(me())
    except ImportError as error:
        return "not in sys.modules" in str(error)


def resources():
    from importlib import resources
    if sys.version_info < (3, 12):  # before, for packages only
        return "Hello {{ name }}\n"
    return resources.files(__name__).joinpath("templates/hello.txt").read_text()


def signature():
    found = inspect.signature(makes, eval_str=True)
    return [found.parameters["part"].annotation is Part, found.return_annotation is Part]


def dispatched():
    @functools.singledispatch
    def which(value):
        return "other"

    @which.register
    def _(value: Part):
        return "part"

    return [which(Part()), which(1)]


def suites():
    loader = unittest.TestLoader()
    return [loader.loadTestsFromName(name).countTestCases()
            for name in (__name__, __name__ + ".Test", __name__ + ".Test.test")]


def module_fixtures():
    ran = []
    globals()["setUpModule"] = lambda: ran.append("set up")
    try:
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Test).run(result)
    finally:
        del globals()["setUpModule"]
    return [*ran, result.testsRun]


def global_enum():
    if sys.version_info < (3, 11):
        return True

    @enum.global_enum
    class Sized(enum.IntEnum):
        SMALL_SIZE = 1

    return globals().pop("SMALL_SIZE") is Sized.SMALL_SIZE


def converted():
    old = enum.IntFlag("Old", "A B", module=__name__)
    globals()["ONE_FLAG"] = 1
    made = enum.IntEnum._convert_("Made", __name__, lambda name: name == "ONE_FLAG")
    return [old.__module__ == __name__, globals().pop("ONE_FLAG") is made.ONE_FLAG]


def functional():
    names = (namedtuple("Pair", "a b"), typing.NamedTuple("Typed", [("a", "Part")]),
             typing.TypedDict("Dict", {"a": "Part"}), enum.Enum("Color", "RED"), typing.NewType("New", int))
    return [each.__module__ == __name__ for each in names]


def hints():
    Typed = typing.NamedTuple("Typed", [("a", "Part")])
    Dict = typing.TypedDict("Dict", {"a": "Part"})
    reference = typing.ForwardRef("Part", module=__name__)
    return [typing.get_type_hints(each)["a"] is Part for each in (Typed, Dict)] + [
        typing.get_type_hints(type("T", (), {"__annotations__": {"a": reference}, "__module__": "x"}))["a"] is Part]


def frames():
    return [is_me(inspect.getmodule(inspect.currentframe())), is_me(inspect.getmodule(makes)),
            inspect.stack()[0].function, inspect.getdoc(Item.size), inspect.getsourcefile(Part) == __file__]


def documented():
    import pydoc
    return [pydoc.locate(__name__ + ".Part") is Part, "A part." in pydoc.render_doc(Part, renderer=pydoc.plaintext),
            pydoc.locate(__name__ + ".nothing")]


CHECKS = {
    "converted": converted,
    "data": lambda: pkgutil.get_data(__name__, "templates/hello.txt").decode(),
    "dispatched": dispatched,
    "documented": documented,
    "frames": frames,
    "fresh_from_spec": fresh_from_spec,
    "functional": functional,
    "global_enum": global_enum,
    "hints": hints,
    "import_function": lambda: [is_me(__import__(__name__)), is_me(__import__(__name__, fromlist=["Part"]))],
    "import_module": lambda: is_me(me()),
    "imported": imported,
    "loader_data": lambda: __loader__.get_data(FOLDER + "/templates/hello.txt").decode(),
    "loader_kind": lambda: [type(__loader__).__mro__[1].__name__, __loader__.is_package(__name__),
                            __loader__.path == __file__, __loader__.get_filename(__name__) == __file__],
    "missing_name": missing_name,
    "module_fixtures": module_fixtures,
    "reloaded": reloaded,
    "resolved": lambda: [pkgutil.resolve_name(__name__ + ".Part.size") is Part.size,
                         pkgutil.resolve_name(__name__ + ":Part") is Part],
    "resources": resources,
    "signature": signature,
    "spec_after_import": spec_after_import,
    "stays": stays,
    "submodule": submodule,
    "suites": suites,
}


def application(environ, start_response):
    body = json.dumps(CHECKS[environ["QUERY_STRING"]]()).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
