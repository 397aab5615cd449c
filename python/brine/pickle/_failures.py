"""Pickles whose objects cannot be made again: whose code has failed, where the pickle names it, what to define."""

import re
from typing import Any, NamedTuple

from brine._guard import StreamScanner
from brine.pickle import _judge
from brine.pickle._hazards import SEVERITIES, Hazard
from brine.pickle._restore import modern_name

ID = "restore-fails"

_CO_VARARGS = 4  # inspect.CO_VARARGS

#: What pickle calls of the class of an object that it makes.
_MAKING = ("__init__", "__new__")
_FILLING = ("__setitem__", "append", "extend", "add", "update")
_ASKED = ("__getattr__", "__getattribute__")
_CALLED = (*_MAKING, *_FILLING, *_ASKED, "__setstate__", "__setattr__", "__hash__", "__eq__")

#: Words of Python about a class.
_CALL = re.compile(r"([\w.]+?)(?:\.(__\w+__))?\(\)")
_OBJECT = re.compile(r"'([\w.]+)' object")


class Failure(NamedTuple):
    """Whose code has raised an exception while a pickle was loaded."""

    module: str
    qualname: str
    cls: type | None
    """None: it is a function that the pickle calls."""
    method: str
    """The method that pickle has called; empty where that is not known."""
    position: int | None
    """Where the pickle names it, in bytes; None where the pickle is not at hand."""


def describe(error: BaseException, data: Any) -> Hazard | None:
    """The Hazard of a load that has failed in the code of what the pickle names; None: something else went wrong.

    `data`: the pickle, or None where it was read from a file.
    """
    failure = _find(error, _globals_of(data) if data is not None else None)
    if failure is None:
        return None
    name = f"{failure.module}.{failure.qualname}"
    what = f"class {name}" if failure.cls else f"function {name}"
    place = f", which the pickle names at byte {failure.position}" if failure.position is not None else ""
    how = f"its {failure.method} raises an exception" if failure.method else "the call raises an exception"
    words = f"{type(error).__name__}: {_text_of(error)}"
    return Hazard(ID, SEVERITIES[ID], "", failure.module, failure.qualname,
                  f"an object of {what}{place}, cannot be made again: {how}." if failure.cls else
                  f"{what}{place}, is called to make an object again: {how}.",
                  _remedy(failure, error), pickle_error=words)


def _globals_of(data: Any) -> list[tuple[str, str, int]]:
    scanner = StreamScanner()
    scanner.feed(data)
    return [(*modern_name(module, name), position) for kind, module, name, position, _ in scanner.finish()[0]
            if kind == "named"]


def _find(error: BaseException, names: list[tuple[str, str, int]] | None) -> Failure | None:
    """By the function that pickle has called, if it is written in Python, else by the words of the exception."""
    traceback = error.__traceback__
    if traceback is None:
        return _by_words(_text_of(error), names or [])
    frame = traceback.tb_frame
    code = frame.f_code
    owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount or code.co_flags & _CO_VARARGS else None
    cls: Any = owner if _judge.is_class(owner) else type(owner)
    if code.co_name in _CALLED and cls.__module__ != "builtins":
        module, qualname = str(cls.__module__), cls.__qualname__
        found = _named(names, module, qualname)
        return Failure(module, qualname, cls, code.co_name, found[2] if found else None)
    found = _named(names, str(frame.f_globals.get("__name__")), code.co_name)
    return Failure(found[0], found[1], None, "", found[2]) if found else None


def _named(names: list[tuple[str, str, int]] | None, module: str, qualname: str) -> tuple[str, str, int] | None:
    return next((each for each in names or () if each[:2] == (module, qualname)), None)


def _by_words(text: str, names: list[tuple[str, str, int]]) -> Failure | None:
    """What is written in C says "Cart.__init__() missing 1 required ..." or "'Cart' object has no attribute ..."."""
    found = _CALL.search(text) or _OBJECT.search(text)
    if found is None:
        return None
    said, method = found[1], found[2] if found.re is _CALL else None
    for module, qualname, position in names:
        # Protocols 0 to 3 name the outermost class, exceptions of attributes the innermost part of a name.
        if f"{said}.".startswith(f"{qualname}.") or qualname.rpartition(".")[2] == said:
            full = said if said.startswith(f"{qualname}.") else qualname
            cls = _resolved(module, full)
            if _judge.is_class(cls):
                return Failure(module, full, cls, method or "", position)
    return None


def _resolved(module: str, qualname: str) -> Any:
    try:
        return _judge.resolve(_judge.import_as_pickle_does(module), qualname)
    except AttributeError:
        return None


def _text_of(error: BaseException) -> str:
    """Its text, without running code of its own."""
    return error.args[0] if error.args and type(error.args[0]) is str else ""


def _remedy(failure: Failure, error: BaseException) -> str:
    name, cls, method = failure.qualname, failure.cls, failure.method
    if cls is None:
        return f"Let {name} take what has been pickled, and discard what was stored if it cannot."
    if issubclass(cls, BaseException) and method in ("", *_MAKING):
        return (f"Pickle calls {name} with its args: pass all arguments of {name}.__init__ on to super().__init__() or "
                f"give the class a __reduce__ that returns ({name}, (arguments,)).")
    if method in _ASKED:
        return (f"Pickle asks the object for __setstate__ before its attributes are there: let {name}.{method} "
                "raise AttributeError for names that begin with __, and look at no attribute that may be missing.")
    if method in _FILLING:
        return (f"Pickle puts the items in before the attributes are there: let {name}.{method} do without them, or "
                f"give the class a __reduce__ that returns ({name}, (arguments,)).")
    if method == "__new__":
        return f"Give class {name} a __getnewargs__ that returns the arguments of its __new__, as a tuple."
    if method in ("__hash__", "__eq__"):
        return (f"The object is put into a dict or set before its attributes are there: let {name}.{method} do without "
                f"them, or give the class a __reduce__ that returns ({name}, (arguments,)).")
    if method == "__setstate__":
        return f"Let {name}.__setstate__ take what __getstate__ has returned, also in earlier versions of the class."
    return f"Give class {name} a __reduce__ that returns ({name}, (arguments,)) with arguments that {name} takes."
