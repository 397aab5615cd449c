"""A script whose module is looked at by the standard library: each branch of CHECKS is one look.

Branches: name, not in sys.modules, visible while loading, inspect.getsource of functions and
classes, getfile, getmodule, linecache, dataclasses and typing with string annotations, enum,
unittest.mock.patch.object, logging's file and line, pkgutil.get_data, __spec__ and __loader__,
warnings' source, import of the own name, a second import by importlib, subclass lookups, traceback.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import importlib.util
import inspect
import json
import linecache
import logging
import re
import sys
import traceback
import typing
import unittest.mock

SEEN_WHILE_LOADING = sys.modules.get(__name__) is not None
SEEN_IS_SELF = getattr(sys.modules.get(__name__), "__dict__", None) is globals()


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    y: int = 0
    color: Color = Color.RED
    shared: typing.ClassVar[int] = 7
    label: str = "a label"


class Named(typing.NamedTuple):
    name: str
    point: Point | None = None


def helper(point: Point, color: Color = Color.BLUE) -> Named:
    return Named("helper", point)  # the helper's body


def logged():
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.Logger("introspection")
    logger.addHandler(handler)
    logger.warning("where am I")
    return [records[0].pathname == __file__, records[0].lineno > 50, records[0].funcName]


def patched():
    module = inspect.getmodule(helper)
    holder = module if module is not None else Point
    with unittest.mock.patch.object(Point, "shared", 8):
        inside = Point.shared
    return [inside, Point.shared, holder is not None]


def imported():
    module = importlib.import_module(__name__)
    return [module.__dict__ is globals(), __name__ not in sys.modules]


def spec():
    found = importlib.util.find_spec(__name__)
    return [found is not None and found.origin == __file__, __spec__.name == __name__,
            __spec__.origin == __file__, __loader__ is not None]


def traced():
    try:
        helper()
    except TypeError:
        return traceback.format_exc()


CHECKS = {
    "name": lambda: bool(re.fullmatch(r"_mod_wsgi_[0-9a-f]{32}", __name__)),
    "hidden": lambda: __name__ not in sys.modules,
    "while_loading": lambda: [SEEN_WHILE_LOADING, SEEN_IS_SELF],
    "source_function": lambda: "# the helper's body" in inspect.getsource(helper),
    "source_class": lambda: "a label" in inspect.getsource(Point),
    "source_file": lambda: inspect.getsourcefile(helper) == __file__,
    "class_file": lambda: inspect.getfile(Point) == __file__,
    "lines": lambda: "the helper's body" in "".join(linecache.getlines(__file__)),
    "dataclass": lambda: [field.name for field in dataclasses.fields(Point)],
    "dataclass_repr": lambda: repr(Point(1)),
    "enum": lambda: [Color["RED"].value, Color(2).name, repr(Color.RED)],
    "hints_class": lambda: sorted(typing.get_type_hints(Point)),
    "hints_function": lambda: sorted(typing.get_type_hints(helper)),
    "hints_tuple": lambda: sorted(typing.get_type_hints(Named)),
    "signature": lambda: str(inspect.signature(helper)),
    "doc": lambda: inspect.getdoc(Point),
    "patch": patched,
    "logging": logged,
    "import": imported,
    "spec": spec,
    "traceback": traced,
    "module_attribute": lambda: [Point.__module__ == __name__, helper.__module__ == __name__],
    "loader_source": lambda: "the helper's body" in __loader__.get_source(__name__),
    "file": lambda: __file__,
}


def application(environ, start_response):
    body = json.dumps(CHECKS[environ["QUERY_STRING"]]()).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
