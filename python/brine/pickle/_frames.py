"""Who pickles: the place in the program, and what it calls the object."""

import sys
from types import FrameType
from typing import Any, NamedTuple

_MOST_FRAMES = 30


class Root(NamedTuple):
    """The object of a dump, as the program that pickles it knows it."""

    name: str
    where: str
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
    return Root(name, _place(at) if at is not None else "?")


def _outside_the_guard(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_globals.get("__name__", "").startswith("brine.pickle"):
        frame = frame.f_back
    return frame


def _name_in(frame: FrameType, obj: Any) -> str | None:
    for name, value in frame.f_locals.items():
        if value is obj and name.isidentifier() and name != "self":
            return name
    return None


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
