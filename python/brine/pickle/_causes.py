"""Why a name does not lead back to what pickles by it, where no reload is the cause; and what helps then."""

import enum
import sys
import types
from typing import Any, NamedTuple

from brine.pickle._judge import Judgement, is_class, resolve
from brine.pickle._owners import PYTHON, owner_of

_MOST_WRAPPERS = 20


class Cause(NamedTuple):
    """What follows "obj is the function f, of module m, ": why, and the remedy."""

    why: str
    remedy: str


def of_missing(judgement: Judgement, culprit: Any) -> Cause | None:
    """Of something that is not found under its name: that it is bound to another one."""
    module, name = judgement.module, judgement.qualname
    if is_made_dataclass(culprit):
        return Cause("which make_dataclass has made in another module's name",
                     "Write it as a class with @dataclass, or pass namespace={'__module__': __name__} to "
                     f"make_dataclass, and bind what it returns to the name {name}.")
    bound = _bound_to(module, culprit)
    if bound is None:
        return None
    maker = _maker(culprit)
    remedy = (f"Give both the same name: {bound} = {maker}({bound!r}, ...)." if maker else
              f"Give both the same name: set its __qualname__ to {bound!r}, or bind it to {name}.")
    return Cause(f"which is bound to {bound} in {module}, and calls itself {name}", remedy)


def of_local(judgement: Judgement, culprit: Any) -> Cause | None:
    """Of something that is defined inside a function, and that a name of the module leads to: a decorator's result."""
    owner = owner_of(judgement.module)
    if owner == PYTHON or owner and _bound_to(judgement.module, culprit) is None:
        whose = "Python's library" if owner == PYTHON else owner
        return Cause(f"which a function of {whose} has made for an object of its own",
                     "Leave that object out of what is pickled, by a __getstate__ of the class that holds it, and make "
                     "a new one when the object is loaded.")
    bound = _bound_to(judgement.module, culprit)
    if bound is None or judgement.qualname.endswith("<lambda>"):
        return None
    remedy = ("Let the decorator give the class that it returns the __qualname__ and __name__ of the one that it gets, "
              "or return that one." if is_class(culprit) else
              "Use functools.wraps in the decorator: it gives what is returned the name of what is decorated.")
    return Cause(f"made inside a function, and bound to {bound} in module {judgement.module}, as a decorator does it",
                 remedy)


def of_stale(judgement: Judgement, culprit: Any) -> Cause | None:
    """Of something whose name leads to another object: that a decorator, or an assignment, has put it there."""
    name = f"{judgement.module}.{judgement.qualname}"
    try:
        found = resolve(sys.modules.get(judgement.module), judgement.qualname)
    except AttributeError:
        return None
    if _wraps(found, culprit):
        return Cause(f"but {name} is what a decorator has made of it (functools.wraps and the like give it the name)",
                     f"Pickle {name} instead of what it wraps; or bind that to a name of its own, and set its "
                     "__qualname__ to that name.")
    if _wraps(culprit, found):
        return Cause(f"but {name} is what a decorator has made it of, by whose name it calls itself",
                     "Bind it to that name, or set its __qualname__ to the one that it is bound to.")
    if is_class(culprit) and is_class(found) and found in culprit.__mro__[1:]:
        return Cause(f"but that is a class made at run time, of {name}, by whose name it calls itself",
                     "Keep such objects out of what is pickled, or give their class a __reduce__ that names what makes "
                     "them.")
    if _is_another_version(found, culprit):
        return None
    return Cause(f"but {name} is {_words(found)} now: a decorator, or an assignment, has put it there",
                 f"Bind what it returns to another name, so that {name} leads to what is pickled.")


def is_made_dataclass(culprit: Any) -> bool:
    """Whether it is a class of make_dataclass that bears the name of the module in which that made it."""
    return is_class(culprit) and culprit.__module__ == "types" and "__dataclass_fields__" in vars(culprit)


def _bound_to(module: str, culprit: Any) -> str | None:
    names = getattr(sys.modules.get(module), "__dict__", None)
    if type(names) is not dict:
        return None
    return next((name for name, value in list(names.items()) if value is culprit and type(name) is str), None)


def _maker(culprit: Any) -> str | None:
    """The function by whose call such things are made under a name that is passed to it."""
    if is_class(culprit):
        if issubclass(type(culprit), enum.EnumMeta):
            return next((base.__name__ for base in culprit.__mro__[1:] if base.__module__ == "enum"), "Enum")
        if issubclass(culprit, tuple) and "_fields" in vars(culprit) and "_field_defaults" in vars(culprit):
            return "namedtuple"
        return None
    if type(culprit).__module__ == "typing" and type(culprit).__name__ in _OF_TYPING:
        return type(culprit).__name__
    return None


_OF_TYPING = ("TypeVar", "ParamSpec", "TypeVarTuple", "NewType")


def _wraps(found: Any, culprit: Any) -> bool:
    for _ in range(_MOST_WRAPPERS):
        names = getattr(found, "__dict__", None)
        if type(names) is not dict and type(names) is not types.MappingProxyType:
            return False
        found = names.get("__wrapped__")
        if found is None:
            return False
        if found is culprit:
            return True
    return False


def _is_another_version(found: Any, culprit: Any) -> bool:
    """Whether both are classes, or functions, of the same name: as a reload leaves them."""
    if is_class(found) != is_class(culprit):
        return False
    if not is_class(found) and type(found) is not type(culprit):
        return False
    return getattr(found, "__qualname__", None) == getattr(culprit, "__qualname__", None)


def _words(found: Any) -> str:
    if is_class(found):
        return f"the class {found.__module__}.{found.__qualname__}"
    if type(found) is types.FunctionType:
        return f"the function {found.__module__}.{found.__qualname__}"
    if found is None:
        return "None"
    return f"an instance of class {type(found).__module__}.{type(found).__qualname__}"
