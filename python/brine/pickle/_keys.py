"""How long the keys of a pickle's dicts and sets take: to find their hashes, and to tell apart those that share one.

Whoever writes a pickle chooses its numbers, and Python's hashes of numbers and of tuples of them are known: the
multiples of 2**61 - 1 all have the hash 0. A dict of a hundred thousand such keys takes minutes to fill. Texts and
bytes have hashes that nobody knows before the process begins.
"""

import importlib
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any

from brine.pickle import _restore

HEAVY = 1 << 20
"""So many tuples may the hash of one key ask, and so deep may they be nested."""
_DEEPEST = 200
_FREE, _PER_BYTE = 1 << 26, 16
"""So much work may all keys of a stream be: tuples that hashes ask, and those that are compared."""
_SHORT = 8
"""A number of fewer bytes shares its hash with none of such."""
_LONGEST_TEXT = 4096
_LONGEST_NUMBER = 0x8b
_LISTS = frozenset(b"]l")
_LARGE = frozenset(b"IL\x8a\x8b")
"""Opcodes of numbers of any size."""
_SIZES = {0x8a: 1, 0x8b: 4, ord("U"): 1, ord("T"): 4, ord("X"): 4, 0x8c: 1, 0x8d: 8, ord("C"): 1, ord("B"): 4,
          0x8e: 8, 0x96: 8}
"""Bytes of the length that stands before the value, by the opcodes that have one."""
_LINES = frozenset(b"IFLSVPcg")
_NUMBERS = {ord("J"): ("<i", 5), ord("K"): ("<B", 2), ord("M"): ("<H", 3), ord("G"): (">d", 9)}
_TRUTHS = {b"00": False, b"01": True}


class Costly(Exception):
    """What takes time without end, as a phrase and a clause about it."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what)
        self.what, self.why = what, why


HEAVY_KEY = Costly("a key that holds others many times over", "to find its hash takes time without end.")
_SHARED_HASH = Costly("many keys that share one hash",
                      "each is compared with all others, which takes time without end.")


class Composite:
    """What opcodes have made of other values: a tuple, a frozenset, the name of a global, or what a call returns.

    Other values are the places of their opcodes.
    """

    __slots__ = ("kind", "parts", "weight", "depth", "state", "known")

    def __init__(self, kind: str, parts: list[Any], weight: int, depth: int) -> None:
        self.kind, self.parts, self.weight, self.depth = kind, parts, weight, depth
        self.state: Any = None
        self.known: int | None = None

    def __hash__(self) -> int:
        return self.known or 0


class Keys:
    """The keys of one stream's containers. Raises Costly where they are too much work."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._left = _FREE + _PER_BYTE * len(stream)
        self._counts: dict[int, tuple[Any, dict[int, int]]] = {}
        """How many keys of a container have a hash, and the container itself, by its place or id."""
        self._listed: dict[int, list[Any]] = {}
        """What lists hold that may share its hash with others, by their places."""
        self._keeps_all = b"frozenset" in stream
        """A frozenset may be made of a list, and its hash of all that this holds."""
        self._kept_of_lists = _LARGE | (_LISTS if b"dict" in stream or b"Dict" in stream else frozenset())
        self._numbers: dict[int, int] = {}
        """The first number among the values of a dict with one item or two, by its place."""

    def forget(self) -> None:
        """A pickle has ended."""
        self._counts.clear()
        self._listed.clear()
        self._numbers.clear()

    def composed(self, kind: str, parts: list[Any]) -> Composite:
        """What is made of values. Its weight is how much a hash asks: each tuple, and each number of many digits."""
        stream, weight, depth = self._stream, 1, 0
        for part in parts:
            if type(part) is Composite:
                weight += part.weight
                depth = max(depth, part.depth)
            elif stream[part] == _LONGEST_NUMBER:
                weight += self._size(part)
        return Composite(kind, parts, min(weight, HEAVY + 1), depth + 1)

    def use(self, holder: Any, keys: Iterable[Any]) -> None:
        """Values become keys of a container."""
        stream = self._stream
        for key in keys:
            if type(key) is Composite:
                self._add(holder, key, key.weight)
            elif stream[key] in _LARGE and not (stream[key] == 0x8a and stream[key + 1] < _SHORT):
                self._add(holder, key, self._size(key))

    def _size(self, at: int) -> int:
        """Of a number, in units of eight bytes."""
        return self._extent(at)[1] - at >> 3

    def _add(self, holder: Any, key: Any, weight: int) -> None:
        if type(key) is Composite and (weight > HEAVY or key.depth > _DEEPEST):
            raise HEAVY_KEY
        value = self._hash(key)
        same = 0
        if value is not None:
            counts = self._counts.setdefault(holder if type(holder) is int else id(holder), (holder, {}))[1]
            same = counts.get(value, 0)
            counts[value] = same + 1
        self._work(1 + weight, 1 + same)

    def _work(self, weight: int, times: int) -> None:
        self._left -= weight * times
        if self._left < 0:
            raise HEAVY_KEY if times == 1 else _SHARED_HASH

    def weigh(self, values: Iterable[Any]) -> None:
        """Values may be used as keys by what they are given to."""
        for value in values:
            if type(value) is Composite and value.weight > HEAVY:
                raise HEAVY_KEY

    def extend(self, holder: Any, values: Iterable[Any]) -> None:
        """Values are appended to a list."""
        kept = [each for each in values if self._keeps_all or type(each) is Composite
                or self._stream[each] in self._kept_of_lists]
        if kept and type(holder) is int:
            self._listed.setdefault(holder, []).extend(kept)

    def note_items(self, holder: Any, items: list[Any]) -> None:
        """Few items are set in a dict, which may be an object's state."""
        for value in items[1::2]:
            if type(value) is int and type(holder) is int and self._stream[value] in b"JKMIL\x8a\x8b":
                self._numbers.setdefault(holder, value)

    def called(self, made: Composite) -> None:
        """Whether what a call is given becomes its keys."""
        name, arguments = self._call(made)
        if name is None or name[1] not in _FILLED or name[0].partition(".")[0] not in _HOMES:
            return
        for each in arguments:
            values = self._held(each)
            if name[1] in _OF_PAIRS:
                self.use(made, [pair[0] for pair in map(self._held, values) if pair])
            else:
                self.use(made, values)
            holder, counts = self._counts.get(each if type(each) is int else id(each), (None, {}))
            if holder is each:  # it goes through another container
                self._work(1, sum(count * count for count in counts.values()) // 2)

    # --- hashes -----------------------------------------------------------------------------------------

    def _hash(self, value: Any) -> int | None:
        """As Python's own, but for what nobody knows; None: that of an object that is like no other."""
        if type(value) is int:
            return self._hash_of_leaf(value)
        if value.known is None:
            value.known = self._hash_of_parts(value)
        return value.known  # type: ignore[no-any-return]

    def _inner(self, value: Any) -> Any:
        """What has the hash of a value, as a part of another."""
        found = self._hash(value)
        return id(value) if found is None else value if type(value) is Composite else found

    def _hash_of_leaf(self, at: int) -> int:
        number = self._number(at)
        if number is not None:
            return hash(number)
        start, end = self._extent(at)
        return hash(self._stream[start:end]) if end > start else self._stream[at] << 32

    def _hash_of_parts(self, value: Composite) -> int | None:
        if value.kind == "tuple":
            return hash(tuple(map(self._inner, value.parts)))
        if value.kind == "frozenset":
            return hash(frozenset(map(self._hash, value.parts)))
        if value.kind != "call":
            return None
        name, arguments = self._call(value)
        if name == _UUID:
            number = self._numbers.get(value.state) if type(value.state) is int else None
            if number is not None:
                return self._hash_of_leaf(number)
            return _made(_of_hex, [self._argument(each) for each in arguments[:1]])
        if name in _MADE and name is not None:
            return _made(_maker(*name), [self._argument(each) for each in arguments])
        if name in _LIKE_TUPLES and name is not None:
            return hash(tuple(map(self._inner, self._held(arguments[0]) if len(arguments) == 1 else arguments)))
        if name == ("builtins", "frozenset"):
            return hash(frozenset(map(self._hash, self._held(arguments[0]) if arguments else ())))
        return None

    def _held(self, value: Any) -> list[Any]:
        """What is in a list or tuple, of a list perhaps only what may share its hash."""
        if type(value) is int:
            return self._listed.get(value, [])
        return value.parts if value.kind == "tuple" else []  # type: ignore[no-any-return]

    def _argument(self, at: Any) -> Any:
        """A number or a text that a call is given."""
        if type(at) is not int:
            return None
        start, end = self._extent(at)
        if end - start > _LONGEST_TEXT:
            return None
        number = self._number(at)
        if number is not None:
            return number
        text = self._stream[start:end]
        return text.decode("utf-8", "replace").strip("'\"")

    def _call(self, made: Composite) -> tuple[tuple[str, str] | None, list[Any]]:
        """What is called, and with what; where that is copyreg, the class of the object, and what that is given."""
        callee, *arguments = made.parts
        if len(arguments) == 1 and type(arguments[0]) is Composite and arguments[0].kind == "tuple":
            arguments = arguments[0].parts
        elif len(arguments) == 1 and self._stream[arguments[0]:arguments[0] + 1] == b")":
            arguments = []
        name = self._name(callee)
        if name in _MAKERS and arguments:
            return self._name(arguments[0]), arguments[1 if name == _MAKERS[0] else 2:]
        return name, arguments

    def _name(self, value: Any) -> tuple[str, str] | None:
        if type(value) is int and self._stream[value] in b"ci":
            start, end = self._extent(value)
            first, _, second = self._stream[start:end].partition(b"\n")
            return _restore.modern_name(first.decode("utf-8", "replace"), second.decode("utf-8", "replace"))
        if type(value) is Composite and value.kind == "name":
            module, name = map(self._argument, value.parts)
            return _restore.modern_name(module, name) if type(module) is str and type(name) is str else None
        return None

    # --- what stands at a place -------------------------------------------------------------------------

    def _extent(self, at: int) -> tuple[int, int]:
        """Where the value of an opcode begins and ends."""
        code = self._stream[at]
        if code in _SIZES:
            start = at + 1 + _SIZES[code]
            return start, start + int.from_bytes(self._stream[at + 1:start], "little")
        if code in b"ci":
            return at + 1, self._stream.index(b"\n", self._stream.index(b"\n", at) + 1)
        return at + 1, self._stream.index(b"\n", at) if code in _LINES else at + 1

    def _number(self, at: int) -> Any:
        """The number that an opcode stands for; None: it is for something else."""
        code = self._stream[at]
        if code in _NUMBERS:
            form, size = _NUMBERS[code]
            return struct.unpack(form, self._stream[at + 1:at + size])[0]
        if code in b"\x88\x89":
            return code == 0x88
        if code not in b"ILF\x8a\x8b":
            return None
        start, end = self._extent(at)
        value = self._stream[start:end]
        if code in b"\x8a\x8b":
            return int.from_bytes(value, "little", signed=True)
        try:
            return float(value) if code == ord("F") else _TRUTHS.get(value, int(value.rstrip(b"L")))
        except ValueError:
            return None


def _made(make: Callable[..., Any], arguments: list[Any]) -> int | None:
    """The hash of a number or the like that is made of these."""
    try:
        return hash(make(*arguments))
    except (ValueError, TypeError, ArithmeticError):
        return None


def _of_hex(text: Any) -> int:
    """The number of a UUID, which takes its digits in many ways."""
    return int(re.sub("urn:|uuid:|[{}-]", "", text), 16)


def _maker(module: str, name: str) -> Callable[..., Any]:
    """A class of Python's whose values are made quickly of what is short, a Fraction of digits alone."""
    make: Callable[..., Any] = getattr(importlib.import_module(module), name)
    if name != "Fraction":
        return make

    def fraction(*arguments: Any) -> Any:
        if any(type(each) is str and not re.fullmatch(r"[-+]?\d+(?:/\d+)?", each) for each in arguments):
            raise ValueError
        return make(*arguments)
    return fraction


_UUID = ("uuid", "UUID")
_MAKERS = (("copyreg", "__newobj__"), ("copyreg", "_reconstructor"))
_OF_PAIRS = frozenset("dict OrderedDict defaultdict ImmutableMultiDict".split())
_HOMES = frozenset("builtins collections werkzeug".split())
_FILLED = _OF_PAIRS | frozenset("set frozenset Counter".split())
_MADE = frozenset({
    ("decimal", "Decimal"), ("fractions", "Fraction"),
    *(("builtins", name) for name in "int float complex range".split()),
    *(("ipaddress", f"IPv{version}{kind}") for version in (4, 6) for kind in ("Network", "Interface"))})
_LIKE_TUPLES = frozenset({
    ("builtins", "slice"), ("time", "struct_time"), ("resource", "struct_rusage"),
    ("pandas._libs.interval", "Interval"),
    *(("os", name) for name in "stat_result statvfs_result terminal_size".split()),
    *(("posix", name) for name in "times_result uname_result".split()),
    *(("werkzeug.datastructures" + module, "ImmutableMultiDict") for module in ("", ".structures")),
    *(("urllib.parse", f"{kind}Result{of}") for kind in ("Parse", "Split", "Defrag") for of in ("", "Bytes"))})
