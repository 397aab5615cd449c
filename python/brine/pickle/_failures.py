"""Pickles whose objects cannot be made again: whose code has failed, where the pickle names it, what to define."""

import re
from types import CodeType, FrameType
from typing import Any, Iterator, NamedTuple

from brine._guard import StreamScanner
from brine.pickle import _judge
from brine.pickle._hazards import SEVERITIES, Hazard
from brine.pickle._owners import owner_of
from brine.pickle._restore import modern_name

ID = "restore-fails"

_CO_VARARGS = 4  # inspect.CO_VARARGS

#: What pickle calls of the class of an object that it makes.
_MAKING = ("__init__", "__new__")
_FILLING = ("__setitem__", "append", "extend", "add", "update")
_ASKED = ("__getattr__", "__getattribute__")
_HASHED = ("__hash__", "__eq__")
_CALLED = (*_MAKING, *_FILLING, *_ASKED, *_HASHED, "__setstate__", "__setattr__", "__set__")

#: What an Unpickler or its file calls that belongs to the program, not to the pickle.
_OF_THE_PROGRAM = ("find_class", "persistent_load", "read", "readline", "readinto", "peek")

#: Functions of copyreg that call __new__ of the class that they are given as `cls`.
_MAKERS = ("_reconstructor", "__newobj__", "__newobj_ex__")

#: Words of Python about a class.
_CALL = re.compile(r"^([\w.]+?)(?:\.(__\w+__))?\(\)")
_ABOUT = [re.compile(r"'([\w.]+)' object"), re.compile(r"^cannot create '([\w.]+)' instances"),
          re.compile(r"^object\.__new__\(([\w.]+)\) is not safe"), re.compile(r"^([\w.]+) expected ")]


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


#: Globals of a pickle: (module, qualified name, position).
_Names = list[tuple[str, str, int]]


def describe(error: BaseException, data: Any) -> Hazard | None:
    """The Hazard of a load that has failed in the code of what the pickle names; None: something else went wrong.

    `data`: the pickle, or None where it was read from a file. Nothing is loaded again.
    """
    failure = _find(error, globals_of(data) if data is not None else [])
    if failure is None:
        return None
    name = f"{failure.module}.{failure.qualname}"
    place = f", which the pickle names at byte {failure.position}," if failure.position is not None else ""
    how = f"its {failure.method} raises an exception" if failure.method else "the call raises an exception"
    words = f"{type(error).__name__}: {_text_of(error)}"
    message = (f"an object of class {name}{place} cannot be made again: {how}." if failure.cls else
               f"function {name}{place} is called to make an object again: {how}.")
    return Hazard(ID, SEVERITIES[ID], "", failure.module, failure.qualname, message,
                  remedy(failure.module, failure.qualname, failure.cls, failure.method), pickle_error=words)


def by_words(text: str, data: Any) -> Failure | None:
    """Whose code has failed, by the exception's text alone."""
    return _by_words(text, globals_of(data))


def by_functions(functions: list[tuple[str, str]], data: Any) -> Failure | None:
    """Likewise by the (module, name) of the functions that were running."""
    names = globals_of(data)
    return next(filter(None, (_of_function(module, name, names) for module, name in functions)), None)


def globals_of(data: Any) -> _Names:
    """What a pickle names."""
    scanner = StreamScanner()
    scanner.feed(data)
    return [(*modern_name(module, name), position) for kind, module, name, position, _ in scanner.finish()[0]
            if kind == "named"]


# --- whose code it was ----------------------------------------------------------------------------------


def _find(error: BaseException, names: _Names) -> Failure | None:
    """By the function that pickle has called, if it is written in Python, else by the words of the exception."""
    frames = _frames_of(error)
    outermost = next(frames, None)
    if outermost is None:
        return _by_words(_text_of(error), names)
    if outermost.f_code.co_name in _OF_THE_PROGRAM:
        return None
    found = _class_of(outermost)
    if found is not None:
        cls, method = found
        module, qualname = str(cls.__module__), cls.__qualname__
        return Failure(module, qualname, cls, method, _position_of(names, module, qualname))
    return _by_function(outermost, names) or next(filter(None, (_by_function(frame, names) for frame in frames)), None)


def _frames_of(error: BaseException) -> Iterator[FrameType]:
    """From the function that pickle called inwards."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _class_of(frame: FrameType) -> tuple[type, str] | None:
    """The class whose object is being made, and the method that pickle has called of it."""
    code = frame.f_code
    owner = _first_argument(frame)
    if frame.f_globals.get("__name__") == "copyreg" and code.co_name in _MAKERS and _judge.is_class(owner):
        return owner, "__new__"
    if code.co_name == "__call__" and _judge.is_class(owner):  # of a metaclass
        return owner, "__init__"
    cls: Any = owner if _judge.is_class(owner) else type(owner)
    return (cls, code.co_name) if code.co_name in _CALLED and cls.__module__ != "builtins" else None


def _first_argument(frame: FrameType) -> Any:
    code: CodeType = frame.f_code
    if code.co_argcount:
        return frame.f_locals.get(code.co_varnames[0])
    if code.co_flags & _CO_VARARGS:  # def __init__(*args)
        given = frame.f_locals.get(code.co_varnames[code.co_kwonlyargcount])
        return given[0] if isinstance(given, tuple) and given else None
    return None


def _by_function(frame: FrameType, names: _Names) -> Failure | None:
    """A function, or a method of a class (as Cart.restore), that the pickle names."""
    return _of_function(frame.f_globals.get("__name__"), frame.f_code.co_name, names)


def _of_function(module: Any, called: str, names: _Names) -> Failure | None:
    found = next((each for each in names if each[0] == module and each[1].rpartition(".")[2] == called), None)
    return Failure(found[0], found[1], None, "", found[2]) if found else None


def _position_of(names: _Names, module: str, qualname: str) -> int | None:
    """Protocols 0 to 3 name the outermost class."""
    return next((position for named, name, position in names
                 if named == module and f"{qualname}.".startswith(f"{name}.")), None)


def _by_words(text: str, names: _Names) -> Failure | None:
    """What is written in C says "Cart.__init__() missing 1 required ..." or "'Cart' object has no attribute ..."."""
    call = _CALL.search(text)
    found = call or next(filter(None, (about.search(text) for about in _ABOUT)), None)
    if found is None:
        return None
    said, method = found[1], (call[2] or "") if call else ""
    for module, qualname, position in names:
        full = _meant(said, module, qualname)
        cls = _judge.found(module, full) if full else None
        if full and _judge.is_class(cls):
            return Failure(module, full, cls, method, position)
    return None


def _meant(said: str, module: str, qualname: str) -> str | None:
    """The qualified name of the class that Python calls `said`, if it may be the one of that name in the pickle."""
    said = said.removeprefix(f"{module}.")
    if f"{said}.".startswith(f"{qualname}."):  # protocols 0 to 3 name the outermost class
        return said
    return qualname if qualname.rpartition(".")[2] == said.rpartition(".")[2] else None


def _text_of(error: BaseException) -> str:
    """Its text, without running code of its own."""
    return error.args[0] if error.args and type(error.args[0]) is str else ""


# --- what to do about it --------------------------------------------------------------------------------


def remedy(module: str, qualname: str, cls: type | None, method: str) -> str:
    """What to do about a class whose method does not take what pickle has; None: a function."""
    if cls is None:
        return f"Let {qualname} take what has been pickled; provide what it asks for, or discard what was stored."
    owner = owner_of(module)
    return _remedy_of_others(f"{module}.{qualname}", cls, owner) if owner else _remedy_of_own(qualname, cls, method)


def _remedy_of_others(name: str, cls: type, owner: str) -> str:
    if issubclass(cls, BaseException):
        return (f"The class is one of {owner}: let an exception of your own, with its text, leave in its place, or "
                f"tell pickle how to make it, by copyreg.pickle({name}, FUNCTION).")
    return (f"The class is one of {owner}: keep its objects out of what is pickled, by a __getstate__ of what holds "
            f"them, or tell pickle how to make them, by copyreg.pickle({name}, FUNCTION).")


def _remedy_of_own(name: str, cls: type, method: str) -> str:
    reduce = f"give the class a __reduce__ that returns ({name}, (arguments,))"
    if issubclass(cls, BaseException) and method in ("", *_MAKING):
        return (f"Pickle calls {name} with its args: pass all arguments of {name}.__init__ on to super().__init__(), "
                f"or {reduce}.")
    if method in _ASKED:
        return (f"Pickle asks the object for __setstate__ before its attributes are there: let {name}.{method} "
                "raise AttributeError for names that begin with __, and look at no attribute that may be missing.")
    if method in _FILLING:
        return (f"Pickle puts the items in before the attributes are there: let {name}.{method} do without them, or "
                f"{reduce}.")
    if method == "__new__":
        return f"Give class {name} a __getnewargs__ that returns the arguments of its __new__, as a tuple."
    if method in _HASHED:
        return (f"The object is put into a dict or set before its attributes are there: let {name}.{method} do without "
                f"them, or {reduce}.")
    if method == "__setstate__":
        return f"Let {name}.__setstate__ take what __getstate__ has returned, also in earlier versions of the class."
    if method == "__setattr__":
        return (f"Pickle sets the attributes by __setattr__: give class {name} a __setstate__ that sets them by "
                f"object.__setattr__, or {reduce}.")
    return f"Give class {name} a __reduce__ that returns ({name}, (arguments,)) with arguments that {name} takes."
