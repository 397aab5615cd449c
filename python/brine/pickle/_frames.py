"""Who pickles: the place in the program, and what it calls the object."""

import functools
import os
import sys
from sys import getrefcount, gettrace
from types import FrameType
from typing import Any, NamedTuple

_MOST_FRAMES = 30
_CO_OPTIMIZED = 1  # inspect.CO_OPTIMIZED, in the code of functions
_LOCALS = frozenset(("locals", "vars"))
_UNSHARED = 3  # references to a dict that only its frame, the variable here and getrefcount() know
_LIBRARIES = (f"{os.path.dirname(os.__file__)}/", "/site-packages/", "/dist-packages/")


class Root(NamedTuple):
    """The object of a dump, as the program that pickles it knows it."""

    name: str
    where: str | None
    """FILE:LINE in FUNCTION."""


def find_root(obj: Any) -> Root:
    """Name and place of `obj` in the outermost function of those now running that has it in a variable.

    That is the application's own code, where a library (a cache, a session) has called pickle for it.
    """
    frame: FrameType | None = _outside_the_guard(sys._getframe(1))
    name, at = "obj", frame
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        called = _name_in(frame, obj)
        if called is not None:
            name, at = called, frame
        frame = frame.f_back
    own = _outside_libraries(at) or at
    return Root(name, _place(own) if own is not None else "?")


def _outside_the_guard(frame: FrameType | None) -> FrameType | None:
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("brine.pickle"):
        frame = frame.f_back
    return frame


def _outside_libraries(frame: FrameType | None) -> FrameType | None:
    while frame is not None and _is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@functools.lru_cache(1000)
def _is_library(path: str) -> bool:
    for part in _LIBRARIES:
        if part in path:
            return True
    return False


def _name_in(frame: FrameType, obj: Any) -> str | None:
    of_function = frame.f_code.co_flags & _CO_OPTIMIZED
    if of_function and sys.version_info < (3, 13) and not _LOCALS.isdisjoint(frame.f_code.co_names):
        return None  # it may have a dict of its variables, which to look at them would change
    variables = frame.f_locals
    if not of_function and type(variables) is not dict:  # exec() takes what it is given
        return None
    try:
        names = [name for name, value in list(variables.items()) if value is obj]
        for name in names:
            if type(name) is str and name.isidentifier() and name != "self":
                return name
        return None
    finally:
        # Before Python 3.13 the frame keeps this dict, and with it all values, until the function returns.
        if of_function and type(variables) is dict and getrefcount(variables) == _UNSHARED and gettrace() is None:
            variables.clear()


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
