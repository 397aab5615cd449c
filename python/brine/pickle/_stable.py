"""`@stable`: instances that are pickled by their class's name, and restored by the class that serves.

Pickle asks whether a class is the very object that its name leads to, which after a reload it is not. An instance of
a marked class names the class that its name leads to now, and its state has the number of its schema: the class that
restores it takes the state as it is, or has it migrated, or refuses.
"""

import copyreg
import pickle
import sys
from enum import EnumMeta
from typing import Any, Callable, TypeVar, overload

from brine import script_names
from brine.script_names import MARK

_STATE = "__brine_state__"
_MIGRATE = "__brine_migrate__"
#: Types of Python's own that a marked class may derive from; an empty one where the items are pickled by themselves.
_BASES: dict[type, Any] = dict.fromkeys((tuple, set, frozenset, int, float, complex, str, bytes, object)) | {
    dict: {}, list: []}
#: What a marked class must not have of its own, and what to write instead.
_OWN = {"__reduce__": "__getstate__ and __setstate__", "__reduce_ex__": "__getstate__ and __setstate__",
        "__getnewargs__": "__setstate__", "__getnewargs_ex__": "__setstate__"}

Class = TypeVar("Class", bound=type)


class SchemaError(pickle.UnpicklingError):
    """A pickle has an object of another schema than the class here, which nothing translates."""

    def __init__(self, module: str, qualname: str, found: int, known: int) -> None:
        self.module, self.qualname, self.found, self.known = module, qualname, found, known
        name = f"{module}.{qualname}"
        stored = f"schema {found}" if found else "no schema, from before it was marked by brine.pickle.stable"
        if found > known:
            self.remedy = ("It was stored by newer code than runs here. Load it where that runs, or take it for a "
                           "miss: brine.pickle.loads(data, default=None).")
        else:
            self.remedy = (f"Give class {qualname} a static method {_MIGRATE}(state, schema) that returns the state of "
                           f"schema {known}, or discard what was stored.")
        self.fault = f"the pickle holds an object of {name} with {stored}, and the class has schema {known} here."
        super().__init__(f"{self.fault} {self.remedy}")

    def __reduce__(self) -> tuple[Any, ...]:
        return SchemaError, (self.module, self.qualname, self.found, self.known)


@overload
def stable(cls: Class, /) -> Class: ...
@overload
def stable(*, schema: int = 1) -> Callable[[Class], Class]: ...


def stable(cls: Any = None, /, *, schema: int = 1) -> Any:
    """Marks a class whose instances are to outlive reloads: they are pickled by its name, not by its identity.

    To be written as the outermost decorator, above `@dataclass`. The class is defined at the top level of a script
    that has a name (WSGIScriptName), or of a module, or in such a class. `schema` (from 1 on) is the number of what
    its state looks like: raise it when that changes, and let the static method `__brine_migrate__(state, schema)`
    make the present state of one with a lower number; 0 is one that was pickled before the class was marked. Without
    the method, and for a higher number, loading raises SchemaError. Subclasses are marked by themselves.

    Raises TypeError where the class cannot be pickled so, and ValueError for a schema that is no number from 1 on.
    """
    if type(schema) is not int or schema < 1:
        raise ValueError(f"stable(schema=...) takes a whole number from 1 on, not {schema!r}")
    if cls is None:
        return lambda marked: _mark(marked, schema)
    return _mark(cls, schema)


def _mark(cls: Any, schema: int) -> Any:
    fault = _fault_of(cls)
    if fault is not None:
        raise TypeError(f"brine.pickle.stable cannot mark {getattr(cls, '__qualname__', cls)!r}: {fault}")
    set_state = getattr(cls, "__setstate__", None)
    set_state = getattr(set_state, "__brine_original__", set_state)

    def __setstate__(self: Any, state: Any) -> None:
        _set_state(self, state, set_state)

    __setstate__.__brine_original__ = set_state  # type: ignore[attr-defined]
    cls.__setstate__ = __setstate__
    cls.__reduce_ex__ = _reduce_ex
    for name, method in (("__copy__", _copy), ("__deepcopy__", _deepcopy)):
        if not hasattr(cls, name):
            setattr(cls, name, method)
    setattr(cls, MARK, schema)
    return cls


def _fault_of(cls: Any) -> str | None:
    if not issubclass(type(cls), type):
        return "it is no class"
    if "<locals>" in cls.__qualname__:
        return "it is defined inside a function, where no name leads to it; define it at the top level"
    if issubclass(type(cls), EnumMeta):
        return "it is an Enum, whose members are pickled by their values; store the value, and make the member of it"
    base = _base_of(cls)
    if base not in _BASES:
        return f"it derives from {base.__qualname__}, whose instances are made in their own way; hold one in it"
    for name, instead in _OWN.items():
        owner = next((each for each in cls.__mro__ if name in vars(each)), None)
        own = owner is not None and owner not in _BASES and vars(owner)[name] is not _reduce_ex
        if own and not (name == "__getnewargs__" and base is tuple):  # a namedtuple has one
            return f"it has a {name} of its own; write {instead} instead"
    return None


def _base_of(cls: type) -> type:
    """The first class that is not written in Python, or object."""
    return next(each for each in cls.__mro__ if not each.__flags__ & 1 << 9)


# --- writing --------------------------------------------------------------------------------------------


def _reduce_ex(self: Any, protocol: Any) -> Any:
    cls = type(self)
    if MARK not in vars(cls):  # a subclass that is not marked
        return object.__reduce_ex__(self, protocol)
    return _reduced(self, _serving(cls))


def _serving(cls: type) -> type:
    """The class that the name of this one leads to now; itself, where that is no marked class."""
    found: Any = sys.modules.get(cls.__module__)
    try:
        for part in cls.__qualname__.split("."):
            found = getattr(found, part)
    except (AttributeError, ImportError):
        return cls
    return found if issubclass(type(found), type) and MARK in vars(found) else cls


def _reduced(self: Any, cls: type) -> tuple[Any, ...]:
    """As object.__reduce_ex__(4), with the number of the schema, as an instance of `cls`."""
    reduced: Any = object.__reduce_ex__(self, 4)
    make, args, *rest = reduced
    state, *items = [*rest, None, None, None][:3]
    if cls is not type(self):
        if make is type(self):  # a set
            make = cls
        else:
            base: Any = _base_of(cls)
            value = base.__getnewargs__(self)[0] if "__getnewargs__" in vars(base) else _BASES[base]
            make, args = copyreg._reconstructor, (cls, base, value)  # type: ignore[attr-defined]
    number = vars(type(self))[MARK]
    written = {**state, MARK: number} if type(state) is dict else {MARK: number, _STATE: state}
    return (make, args, written, *items)


def _copy(self: Any) -> Any:
    return _copied(self, None)


def _deepcopy(self: Any, memo: Any) -> Any:
    return _copied(self, memo)


def _copied(self: Any, memo: Any) -> Any:
    """A copy is of the very class of the original, which may be of an earlier generation."""
    import copy

    marked = MARK in vars(type(self))
    reduced = _reduced(self, type(self)) if marked else object.__reduce_ex__(self, 4)
    return copy._reconstruct(self, memo, *reduced)  # type: ignore[attr-defined]


# --- restoring ------------------------------------------------------------------------------------------


def _set_state(self: Any, state: Any, set_state: Any) -> None:
    cls = type(self)
    known = vars(cls).get(MARK)
    if known is not None:
        found = 0
        if type(state) is dict and type(state.get(MARK)) is int:
            found = state[MARK]
            state = state[_STATE] if _STATE in state else {key: state[key] for key in state if key != MARK}
        if found != known:  # an object without attributes has the state None, or {}, by the version of Python
            state = _migrated(cls, {} if state is None else state, found, known)
    if state is None:
        return  # pickle gives none to a class that has returned none
    if set_state is not None:
        set_state(self, state)
    else:
        _update(self, state)


def _migrated(cls: type, state: Any, found: int, known: int) -> Any:
    migrate = getattr(cls, _MIGRATE, None)
    if found > known:
        script_names.look_again(cls.__module__)
    if migrate is None or found > known:
        raise SchemaError(cls.__module__, cls.__qualname__, found, known)
    return migrate(state, found)


def _update(self: Any, state: Any) -> None:
    """As pickle does it where a class has no __setstate__."""
    slots = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    if state:
        names = self.__dict__
        for key, value in state.items():
            names[sys.intern(key) if type(key) is str else key] = value
    for key, value in (slots or {}).items():
        object.__setattr__(self, key, value)
