"""The path from a pickled object to a part of it, as Python that leads there when it is evaluated.

What an object keeps is looked at past code of its own: no property, `__getattr__` or metaclass gets to run.
"""

import types
from collections import OrderedDict
from itertools import islice
from typing import Any, Sequence

_LONGEST_KEY = 100
_MOST_KEYS = 100_000
_MOST_BITS = 128
_DEEPEST_KEY = 3
_WIDEST_KEY = 5
_MOST_STEPS = 40

_MRO = vars(type)["__mro__"]
_DICT = vars(type)["__dict__"]
_ARGS = vars(BaseException)["args"]

Steps = Sequence[tuple[str, Any]]

#: What pickle is given by the object's `__reduce__` or `__getstate__`; mostly the object keeps it in an attribute.
_GIVEN = ("state", "state_item", "callable", "argument")

#: At most so many steps lead to what an attribute keeps: the state, a tuple in it, its item.
_FARTHEST = 3


def render_path(name: str, steps: Steps, objects: Sequence[Any]) -> str:
    """The way from an object to a part. `objects`: what the steps lead from, and the part itself.

    A dict's third key is `list(x)[2]`, as is a set's third member; what is under a key that cannot be written
    is `list(x.values())[2]`. What pickle alone gets to, since the object
    keeps it nowhere, is `.__reduce__()[1][0]` (an argument of the constructor) or `.__getstate__()`.
    """
    front, shown, at = "", [], 0
    while at < len(steps):
        kind, where = steps[at]
        kept, place = _kept(steps, objects, at), None
        if kept is None and kind == "item" and not _is_literal(where):
            place = _place(objects[at], where)
        text, taken = kept or (_render_step(kind, where, objects[at]) if place is None else f".values())[{place}]", 1)
        at += taken
        if kind in ("key", "member") or place is not None:
            front = f"list({front}"
        if text:
            shown.append(text)
    if len(shown) > _MOST_STEPS:
        half = _MOST_STEPS // 2
        shown[half:-half] = [f" ...{len(shown) - 2 * half:,} more steps... "]
    return front + name + "".join(shown)


def attribute_of(step: tuple[str, Any]) -> str | None:
    """The name of the attribute that a step leads to, if it leads to one."""
    kind, where = step
    return _key(where).strip("'") if kind in ("attribute", "state_item") else None


_STEPS = {
    "item": "[{}]",
    "index": "[{}]",
    "key": ")[{}]",
    "member": ")[{}]",
    "state": "{}",
    "state_item": ".__getstate__()[{}]",
    "callable": "{reduce}[{}]",
    "argument": "{reduce}[1][{}]",
    "of_class": "",
}


def _render_step(kind: str, where: Any, holder: Any) -> str:
    if kind == "attribute":
        is_name = type(where) is str and where.isidentifier() and len(where) <= _LONGEST_KEY
        return f".{where}" if is_name else f".__dict__[{_key(where)}]"
    reduce = ".__reduce__()" if _defines(holder, "__reduce__") else ".__reduce_ex__(4)"
    if kind == "state":
        return ".__getstate__()" if _defines(holder, "__getstate__") else f"{reduce}[2]"
    return _STEPS[kind].format(_key(where) if kind in ("item", "state_item") else where, reduce=reduce)


# --- what an object keeps -------------------------------------------------------------------------------


def _kept(steps: Steps, objects: Sequence[Any], at: int) -> tuple[str, int] | None:
    """An attribute of an object that keeps what pickle is given of it, and how many steps that saves."""
    if steps[at][0] not in _GIVEN:
        return None
    for taken, part in enumerate(objects[at + 1:at + 1 + _FARTHEST], 1):
        text = _attribute_with(objects[at], part)
        if text is None and taken > 1:  # protocols 0 and 1 give a list or dict a copy of itself as an argument
            text = _own_item(objects[at], steps[at + taken - 1], part)
        if text is not None:
            return text, taken
        if at + taken < len(steps) and steps[at + taken][0] not in ("index", "item"):
            break
    return None


def _own_item(holder: Any, step: tuple[str, Any], part: Any) -> str | None:
    kind, where = step
    own = None
    if kind == "index" and issubclass(type(holder), list) and where < list.__len__(holder):
        own = list.__getitem__(holder, where)
    elif kind == "item" and issubclass(type(holder), dict) and type(where) is str:
        own = dict.get(holder, where)
    return _render_step(kind, where, holder) if own is part else None


def _attribute_with(holder: Any, part: Any) -> str | None:
    for name, value in _attributes(holder):
        if value is part and type(name) is str and name.isidentifier():
            return f".{name}"
    if issubclass(type(holder), BaseException):
        return _item_with(_ARGS.__get__(holder), part, ".args")
    return _item_with(holder, part, "") if issubclass(type(holder), tuple) else None


def _attributes(holder: Any) -> list[tuple[str, Any]]:
    """What is in its `__dict__`, its slots and the fields of types that are written in C."""
    if type(holder) is types.BuiltinMethodType:
        return [("__self__", holder.__self__)]
    found: list[tuple[str, Any]] = []
    for cls in _MRO.__get__(type(holder)):
        for name, descriptor in _DICT.__get__(cls).items():
            if type(descriptor) is types.MemberDescriptorType:
                try:
                    found.append((name, descriptor.__get__(holder)))
                except AttributeError:  # an empty slot
                    continue
            elif name == "__dict__" and type(descriptor) is types.GetSetDescriptorType:
                found += descriptor.__get__(holder).items()
    return found


def _item_with(parts: tuple[Any, ...], part: Any, name: str) -> str | None:
    for index, value in enumerate(tuple.__iter__(parts)):
        if value is part:
            return f"{name}[{index}]"
    return None


def _defines(holder: Any, method: str) -> bool:
    """Whether the class has such a method which is not that of `object`."""
    for cls in _MRO.__get__(type(holder)):
        if method in _DICT.__get__(cls):
            return cls is not object
    return False


# --- keys -----------------------------------------------------------------------------------------------


def _is_literal(key: Any, depth: int = 0) -> bool:
    """Whether what is shown of a key is a literal of it."""
    if type(key) is tuple:
        return depth < _DEEPEST_KEY and len(key) <= _WIDEST_KEY and all(_is_literal(each, depth + 1) for each in key)
    shown = _key(key)
    return not shown.startswith("<") and not shown.endswith("...") and shown not in ("nan", "inf", "-inf")


def _place(holder: Any, key: Any) -> int | None:
    """How many keys of a dict come before this one; None where its class may list them otherwise."""
    classes = _MRO.__get__(type(holder))
    if dict not in classes:
        return None
    own = [_DICT.__get__(cls) for cls in classes[:classes.index(dict)] if cls is not OrderedDict]
    if any("__iter__" in names or "values" in names for names in own):
        return None
    ordered = OrderedDict.__iter__ if OrderedDict in classes else dict.__iter__
    keys: Any = islice(ordered(holder), _MOST_KEYS)
    try:
        return next((place for place, each in enumerate(keys) if each is key), None)
    except RuntimeError:  # another thread has put a key into it meanwhile
        return None


def _key(key: Any, depth: int = 0) -> str:
    """A dict's key; of the application's own objects only the class is told, since their repr is its code."""
    if type(key) is int and key.bit_length() > _MOST_BITS:  # Python may refuse to write so many digits
        return f"<int of {key.bit_length():,} bits>"
    if type(key) in (str, bytes):
        text = repr(key[:_LONGEST_KEY + 1])
        return text if len(text) <= _LONGEST_KEY else f"{text[:_LONGEST_KEY]}..."
    if type(key) in (int, float, bool, type(None)):
        return repr(key)
    if type(key) is tuple and depth < _DEEPEST_KEY:
        shown = [_key(part, depth + 1) for part in key[:_WIDEST_KEY]]
        return "(" + ", ".join(shown) + (", ...)" if len(key) > _WIDEST_KEY else ",)" if len(key) == 1 else ")")
    return f"<{type(key).__name__} object>"
