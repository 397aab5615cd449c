"""Objects that are pickled as a call which cannot succeed: the callable does not take so many arguments.

Only what is certain is told: functions that are written in Python are known by their code, classes by the
`__new__` and `__init__` that the interpreter calls. Nothing is called or loaded, and no code of a class runs.
"""

import copyreg
from types import BuiltinFunctionType, FunctionType
from typing import Any, Callable, NamedTuple

from brine.pickle import _failures, _judge, _scripts
from brine.pickle._hazards import SEVERITIES, Hazard

ID = "restore-signature"

#: How an object is made, in the core's order (`Call::How`).
REDUCE, NEW_OBJECT, NEW_OBJECT_EX = range(3)

_CO_VARARGS = 4  # inspect.CO_VARARGS
_DISALLOW_INSTANTIATION = 1 << 7  # Py_TPFLAGS_DISALLOW_INSTANTIATION

#: What `type` itself does, whatever a metaclass has in its place.
_OF_TYPE: Any = vars(type)
_mro_of: Callable[[Any], Any] = _OF_TYPE["__mro__"].__get__
_names_of: Callable[[Any], Any] = _OF_TYPE["__dict__"].__get__
_flags_of: Callable[[Any], Any] = _OF_TYPE["__flags__"].__get__

#: Built-in types whose __new__ makes an object of the class that it is given, so that __init__ is called.
_MAKERS = (object, tuple, list, dict, set, frozenset, int, float, complex, str, bytes, bytearray)

#: The same of Python's library, which is not imported for that.
_OTHER_MAKERS = frozenset({
    "_io.BytesIO", "_io.StringIO", "_random.Random", "array.array", "collections.deque", "datetime.date",
    "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.tzinfo", "decimal.Decimal",
    "functools.partial", "types.SimpleNamespace"})

#: How many arguments the __new__ of some takes at most; that of the others leaves it to their __init__, or has rules.
_MOST = {tuple: 1, frozenset: 1, float: 1, int: 2, complex: 2, str: 3, bytes: 3}


class Misfit(NamedTuple):
    """A callable that cannot take what pickle will call it with."""

    callable: Any
    module: str
    qualname: str
    method: str
    """`__init__` or `__new__` of a class; empty for a function."""
    given: str
    """What pickle calls it with."""
    takes: str
    """What it takes instead."""

    def describe(self, path: str, where: str | None) -> Hazard:
        """The hazard of the object that `path` leads to."""
        name = f"{self.module}.{self.qualname}"
        if self.method == "__new__":
            call = f"a new object of class {name}, for which pickle has {self.given}"
        else:
            call = f"a call of {name} with {self.given}"
        script = _scripts.find(self.module)
        return Hazard(ID, SEVERITIES[ID], path, self.module, self.qualname,
                      f"{path} is pickled as {call}; {self.takes}. The pickle can be written, and never be loaded.",
                      self._remedy(), script.path if script else None, None, script.generation if script else None,
                      where=where)

    def _remedy(self) -> str:
        if not _judge.is_class(self.callable):
            return f"Let the __reduce__ that names {self.qualname} return the arguments which that takes."
        return _failures.remedy(self.module, self.qualname, self.callable, self.method)


# --- what the core asks ---------------------------------------------------------------------------------


def is_watched(module: str, name: str) -> bool:
    """Whether a pickle that names this may be one that calls it in vain, so that its calls matter."""
    found = _judge.found(module, name)
    if type(found) is FunctionType:
        return not _takes_anything(found, 0)
    if not _is_ordinary(found):
        return False
    if _flags_of(found) & _DISALLOW_INSTANTIATION:
        return True
    new, init = _function(found, "__new__"), _function(found, "__init__")
    if new is not None and not _takes_anything(new, 1):
        return True
    if new is None and _maker(found) in _MOST and (_is_called(found) or _gives_arguments(found)):
        return True
    if not _is_called(found):
        return False
    return _takes_nothing(found) or (init is not None and not _takes_anything(init, 1))


def is_misfit(module: str, name: str, how: int, arguments: int) -> bool:
    """Whether what the name leads to cannot take so many arguments."""
    return find(module, name, how, arguments) is not None


def find(module: str, name: str, how: int, arguments: int) -> Misfit | None:
    """Likewise, in detail."""
    return misfit(_judge.found(module, name), how, arguments)


def misfit(called: Any, how: int, arguments: int) -> Misfit | None:
    """What is wrong with making an object by a call of `called` with so many arguments; None: nothing, or not known."""
    if type(called) is FunctionType:
        takes = _takes(called, arguments, 0, how != NEW_OBJECT_EX) if how == REDUCE else None
        return _misfit(called, "", arguments, takes) if takes else None
    if not _is_ordinary(called):
        return None
    return _misfit_of_call(called, arguments) if how == REDUCE else _misfit_of_new(called, how, arguments)


def _misfit_of_call(cls: type, arguments: int) -> Misfit | None:
    """type.__call__: cls.__new__, and __init__ where that has made an object of the class."""
    new = _function(cls, "__new__")
    if new is not None:
        takes = _takes(new, arguments, 1)
        return _misfit(cls, "__new__", arguments, takes) if takes else None
    if too_many := _too_many(cls, arguments):
        return too_many
    init = _lookup(cls, "__init__")
    if arguments and _takes_nothing(cls):
        return _misfit(cls, "__init__", arguments, f"{cls.__qualname__}() takes none")
    if type(init) is not FunctionType or not _makes_its_own(cls):
        return None
    takes = _takes(init, arguments, 1)
    return _misfit(cls, "__init__", arguments, takes) if takes else None


def _misfit_of_new(cls: type, how: int, arguments: int) -> Misfit | None:
    """NEWOBJ, which calls __new__ alone."""
    if _flags_of(cls) & _DISALLOW_INSTANTIATION:
        return _misfit(cls, "__new__", arguments, "the class, which is written in C, lets nobody make objects of it")
    new = _function(cls, "__new__")
    if new is not None:
        takes = _takes(new, arguments, 1, how == NEW_OBJECT)
        return _misfit(cls, "__new__", arguments, takes) if takes else None
    if arguments and _takes_nothing(cls):
        return _misfit(cls, "__new__", arguments, f"{cls.__qualname__}() takes none")
    return _too_many(cls, arguments)


def _too_many(cls: type, arguments: int) -> Misfit | None:
    """Of a class whose __new__ is that of a type which is known, whether that takes so many."""
    maker = _maker(cls)
    most = _MOST.get(maker, arguments)
    if arguments <= most:
        return None
    return _misfit(cls, "__new__", arguments, f"{maker.__name__}.__new__ takes at most {most}")


def _misfit(called: Any, method: str, arguments: int, takes: str) -> Misfit:
    given = f"{arguments or 'no'} argument{'s' * (arguments != 1)}"
    return Misfit(called, str(called.__module__), called.__qualname__, method, given, takes)


# --- signatures, by the code ----------------------------------------------------------------------------


def _takes(function: FunctionType, given: int, bound: int, no_keywords: bool = True) -> str | None:
    """What a function takes where it cannot be called with so many arguments; None: it can.

    `bound`: how many more it gets in front of these: self or cls. `no_keywords`: none are given.
    """
    code, given = function.__code__, given + bound
    most = code.co_argcount
    least = most - len(function.__defaults__ or ())
    known = function.__kwdefaults__ or {}
    needed = [name for name in code.co_varnames[most:most + code.co_kwonlyargcount] if name not in known]
    name = f"{function.__qualname__}({_parameters(function)})"
    if given > most and not code.co_flags & _CO_VARARGS:
        return f"{name} takes at most {max(most - bound, 0) or 'none'}"
    if no_keywords and given < least:
        return f"{name} needs {least - bound}"
    if no_keywords and needed:
        return f"{name} needs {needed[0]}= by its keyword"
    return None


def _takes_anything(function: FunctionType, bound: int) -> bool:
    """Whether it can be called with any number of arguments and no keywords."""
    return bool(function.__code__.co_flags & _CO_VARARGS) and _takes(function, 0, bound) is None


def _parameters(function: FunctionType) -> str:
    code = function.__code__
    most, known = code.co_argcount, function.__kwdefaults__ or {}
    first = most - len(function.__defaults__ or ())
    shown = [name + "=..." * (index >= first) for index, name in enumerate(code.co_varnames[:most])]
    if code.co_flags & _CO_VARARGS:
        shown.append("*" + code.co_varnames[most + code.co_kwonlyargcount])
    elif code.co_kwonlyargcount:
        shown.append("*")
    shown += [name + "=..." * (name in known) for name in code.co_varnames[most:most + code.co_kwonlyargcount]]
    return ", ".join(shown)


# --- classes, without code of theirs --------------------------------------------------------------------


def _is_ordinary(obj: Any) -> bool:
    """Whether it is a class that is called as classes are, by type.__call__."""
    return _judge.is_class(obj) and _lookup(type(obj), "__call__") is _OF_TYPE["__call__"]


def _is_called(cls: type) -> bool:
    """Whether its objects may be pickled as a call of the class, so that __init__ gets arguments."""
    return (_lookup(cls, "__reduce_ex__") is not object.__dict__["__reduce_ex__"] or
            _lookup(cls, "__reduce__") is not object.__dict__["__reduce__"] or cls in copyreg.dispatch_table)


def _takes_nothing(cls: type) -> bool:
    """Whether neither it nor a base has an __init__ or __new__ for arguments."""
    return _lookup(cls, "__new__") is object.__new__ and _lookup(cls, "__init__") is object.__init__


def _lookup(cls: type, name: str) -> Any:
    """What the interpreter finds in the class: the function itself of a static or class method's."""
    for base in _mro_of(cls):
        names = _names_of(base)
        if name in names:
            found = names[name]
            return found.__func__ if type(found) is staticmethod else found
    return None


def _function(cls: type, name: str) -> FunctionType | None:
    found = _lookup(cls, name)
    return found if type(found) is FunctionType else None


def _gives_arguments(cls: type) -> bool:
    """Whether code of its own says what its __new__ is given."""
    return _function(cls, "__getnewargs__") is not None or _function(cls, "__getnewargs_ex__") is not None


def _maker(cls: type) -> Any:
    """The type, written in C, whose __new__ makes its objects; None: a function does."""
    new = _lookup(cls, "__new__")
    return new.__self__ if type(new) is BuiltinFunctionType else None


def _makes_its_own(cls: type) -> bool:
    """Whether its __new__, which is written in C, is known to take any arguments, or to fail by itself."""
    maker = _maker(cls)
    if maker in _MAKERS:
        return True
    return _judge.is_class(maker) and (maker.__module__ == "builtins" and issubclass(maker, BaseException) or
                                       f"{maker.__module__}.{maker.__qualname__}" in _OTHER_MAKERS)
