"""What a pickle makes, by its opcodes and without making it: compared with another, type by type and state by state."""

import io
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from brine.pickle import _judge
from brine.pickle._calls import _CONSTANTS, UNKNOWN, Calls, Items, Name, Pairs

_SHOWN = 60

#: What is compared by its value.
_ATOMS = (str, int, float, bytes, bool, type(None))


class Members(list[Any]):
    """A set or frozenset, whose order says nothing."""


class Object:
    """What a call makes, and what it is filled with then."""

    def __init__(self, callee: Any, arguments: Any, keywords: Any) -> None:
        self.callee, self.arguments, self.keywords = callee, arguments, keywords
        self.states: list[Any] = []
        self.items = Items()
        self.pairs = Pairs()


class _Structure(Calls):
    def root(self, stream: bytes) -> Any:
        """What the first pickle of the stream is."""
        for _ in self.opcodes(io.BytesIO(stream)):
            pass
        return self._stack[-1]

    def _step(self, name: str, argument: Any, position: int) -> None:
        if name in _CONSTANTS:
            self._stack.append(_value(name, argument))
        else:
            super()._step(name, argument, position)

    def _call(self, callee: Any, arguments: Any, position: int, keywords: Any = None) -> None:
        self._stack.append(Object(callee, arguments, keywords))

    def _state(self, state: Any) -> None:
        if isinstance(self._stack[-1], Object):
            self._stack[-1].states.append(state)

    def _append(self, items: list[Any]) -> None:
        holder = self._stack[-1]
        (holder.items if isinstance(holder, Object) else holder).extend(items)

    def _set_items(self, items: list[Any], position: int) -> None:
        holder = self._stack[-1]
        (holder.pairs if isinstance(holder, Object) else holder).extend(zip(items[::2], items[1::2]))

    def _set(self, items: list[Any], position: int) -> None:
        self._stack.append(Members(items))


def _value(name: str, argument: Any) -> Any:
    if name == "EMPTY_SET":
        return Members()
    if name == "EMPTY_LIST":
        return Items()
    if name == "EMPTY_DICT":
        return Pairs()
    if isinstance(argument, bytearray):
        return bytes(argument)
    if type(argument) in _ATOMS and "PERS" not in name:
        if name not in ("NONE", "NEWTRUE", "NEWFALSE", "EMPTY_TUPLE"):
            return argument
    return {"NEWTRUE": True, "NEWFALSE": False, "NONE": None, "EMPTY_TUPLE": ()}.get(name, UNKNOWN)


class Difference(NamedTuple):
    """Where an object has changed, and how."""

    path: str
    before: str
    after: str
    owner: Name
    """The class of the object in which that is; builtins.object where there is none around."""


def difference(before: bytes, after: bytes, name: str) -> Difference | None:
    """The first place where the object of a pickle differs from that of another; None: nowhere.

    `name`: what paths begin with. Raises one of _calls.FAULTS where a pickle cannot be followed.
    """
    todo = [(_Structure().root(before), _Structure().root(after), name, Name("builtins", "object"))]
    seen: set[tuple[int, int]] = set()
    while todo:
        one, other, path, owner = todo.pop()
        if (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        found = _parts(one, other, path)
        if found is None and isinstance(one, Object) and not _judge.is_class(_resolved(one.callee)):
            continue  # what a function returns may be anything: a lazy object comes back as its value
        if found is None:
            return Difference(path, *_told_apart(one, other), owner)
        if isinstance(one, Object):
            owner = _class_of(one) or owner
        todo += [(*each, owner) for each in reversed(found)]
    return None


def _parts(one: Any, other: Any, path: str) -> list[tuple[Any, Any, str]] | None:
    """What is to be compared yet; None: they differ."""
    if type(one) is not type(other):
        return None
    if isinstance(one, Object):
        return _parts_of_object(one, other, path)
    if isinstance(one, Pairs):
        return _parts_of_pairs(one, other, lambda key: f"{path}[{key!r}]")
    if isinstance(one, Members):
        return _compared_as_sets(one, other)
    if isinstance(one, (list, tuple)) and not isinstance(one, Name):
        if len(one) != len(other):
            return None
        return [(a, b, f"{path}[{index}]") for index, (a, b) in enumerate(zip(one, other))]
    return [] if one == other or (one != one and other != other) else None


def _parts_of_object(one: Object, other: Object, path: str) -> list[tuple[Any, Any, str]] | None:
    call = f"{path}.__reduce__()"
    if len(one.states) != len(other.states):
        return None
    parts: list[tuple[Any, Any, str]] = [(one.callee, other.callee, path)]
    if isinstance(one.arguments, tuple) and isinstance(other.arguments, tuple):
        if len(one.arguments) != len(other.arguments):
            return None
        parts += [(a, b, f"{call}[1][{index}]") for index, (a, b) in enumerate(zip(one.arguments, other.arguments))
                  if not _same_in_another_order(a, b)]
    for a, b in zip(one.states, other.states):
        parts += _parts_of_state(a, b, path)
    for items, more in ((one.items, other.items), (one.pairs, other.pairs)):
        found = _parts(items, more, path)
        if found is None:
            return None
        parts += found
    return parts


def _parts_of_state(one: Any, other: Any, path: str) -> list[tuple[Any, Any, str]]:
    """Attributes, where the state is a dict, or the pair of copyreg with slots."""
    if type(one) is type(other) is tuple and len(one) == len(other) == 2:
        if isinstance(one[1], Pairs) and isinstance(one[0], (Pairs, type(None))):
            return _parts_of_state(one[0], other[0], path) + _parts_of_state(one[1], other[1], path)
    if isinstance(one, Pairs) and isinstance(other, Pairs) and _are_names(one):
        found = _parts_of_pairs(one, other, lambda key: f"{path}.{key}")
        if found is not None:
            return found
    return [(one, other, f"{path}.__getstate__()")]


def _are_names(pairs: Pairs) -> bool:
    return all(type(key) is str and key.isidentifier() for key, _ in pairs)


def _parts_of_pairs(one: Pairs, other: Pairs, path: Callable[[Any], str]) -> list[tuple[Any, Any, str]] | None:
    """By their keys, whatever their order is."""
    if len(one) != len(other):
        return None
    if not all(type(key) in _ATOMS for key, _ in [*one, *other]):  # keys of objects: by their order
        return [(a, b, path(f"key {index}")) for index, pairs in enumerate(zip(one, other)) for a, b in zip(*pairs)]
    first, second = dict(one), dict(other)
    if first.keys() != second.keys():
        return None
    return [(value, second[key], path(key)) for key, value in first.items()]


def _compared_as_sets(one: list[Any], other: list[Any]) -> list[tuple[Any, Any, str]] | None:
    if len(one) != len(other):
        return None
    if not all(type(each) in _ATOMS for each in [*one, *other]):
        return []  # which is which is not known
    return [] if Counter(map(repr, one)) == Counter(map(repr, other)) else None


def _same_in_another_order(one: Any, other: Any) -> bool:
    """A container's __reduce__ may list what it has in the order of hashes, which differs between processes."""
    if not (isinstance(one, list) and isinstance(other, list)) or len(one) != len(other):
        return False
    return Counter(map(_text, one)) == Counter(map(_text, other))


def _text(value: Any, depth: int = 5) -> str:
    if isinstance(value, Object):
        return f"{_text(value.callee)}({_text(value.arguments, depth - 1) if depth else ''})"
    if isinstance(value, (list, tuple)) and not isinstance(value, Name):
        return f"[{', '.join(_text(each, depth - 1) for each in value) if depth else ''}]"
    return repr(value)


def _resolved(callee: Any) -> Any:
    return _judge.found(callee.module, callee.name) if isinstance(callee, Name) else None


def _class_of(value: Object) -> Name | None:
    made = value.callee
    if isinstance(made, Name) and made.module == "copyreg" and isinstance(value.arguments, tuple) and value.arguments:
        made = value.arguments[0]
    return made if isinstance(made, Name) else None


def _told_apart(one: Any, other: Any) -> tuple[str, str]:
    """How both are shown; of objects of one class also how they are made."""
    shown = _show(one), _show(other)
    if shown[0] == shown[1] and isinstance(one, Object) and isinstance(other, Object):
        return f"{shown[0]}{_making(one)}", f"{shown[1]}{_making(other)}"
    return shown


def _making(value: Object) -> str:
    count = len(value.arguments) if isinstance(value.arguments, tuple) else 0
    return f" ({count} arguments, {'a' if value.states else 'no'} state)"


def _show(value: Any) -> str:
    if isinstance(value, Object):
        made = _class_of(value)
        return f"an object of {made.module}.{made.name}" if made else "an object"
    if isinstance(value, Name):
        return f"{value.module}.{value.name}"
    if isinstance(value, Pairs):
        keys = ", ".join(_show(key) for key, _ in value[:4])
        return f"{len(value)} keys ({keys}{', ...' if len(value) > 4 else ''})"
    if isinstance(value, (list, tuple)):
        return f"{len(value)} items"
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
