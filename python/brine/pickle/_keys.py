"""How long the keys of a pickle's dicts and sets take: to find their hashes, and to tell apart those that share one.

Whoever writes a pickle chooses its numbers, and Python's hashes of numbers and of tuples of them are known: the
multiples of 2**61 - 1 all have the hash 0. A dict of a hundred thousand such keys takes minutes to fill. Texts and
bytes have hashes that nobody knows before the process begins.
"""

import importlib
import math
import os
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any

from brine.pickle import _restore
from brine.pickle._strings import unquoted

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
_TEXTS, _BYTES = frozenset(b"STUVX\x8c\x8d"), frozenset(b"BC\x8e")
_UNKNOWN = object()
"""In the place of a value: it is not known."""
_PER_VALUE = 16
"""So much work is a value that a call goes through: what is kept of a stream has more of it for each."""
_MOST_PARTS = 4096
"""Of a tuple whose value is found out."""


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

    __slots__ = ("kind", "parts", "weight", "depth", "known", "is_found", "value")

    def __init__(self, kind: str, parts: list[Any], weight: int, depth: int) -> None:
        self.kind, self.parts, self.weight, self.depth = kind, parts, weight, depth
        self.known: int | None = None
        """The hash, if it is found; None: of an object that is like no other."""
        self.is_found = False
        self.value: Any = _UNKNOWN
        """What a call returns, if it is a number, a text or the like; of a name, the module and the name."""

    def __hash__(self) -> int:
        return self.known or 0


class _Hashed:
    """Has a hash, and equals nothing else."""

    __slots__ = ("known",)

    def __init__(self, known: int) -> None:
        self.known = known

    def __hash__(self) -> int:
        return self.known


class Keys:
    """The keys of one stream's containers. Raises Costly where they are too much work."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._left = _FREE + _PER_BYTE * len(stream)
        self._counts: dict[int, tuple[Any, dict[bytes, int]]] = {}
        """How many keys of a container have a hash, and the container itself, by its place or id.

        The hashes are in bytes: a dict of the numbers would take as long as the one that is asked about.
        """
        self._listed: dict[int, list[Any]] = {}
        """What lists hold that may share its hash with others, by their places."""
        is_escaped = b"\\u" in stream  # a name may be written so
        self._keeps_all = is_escaped or b"frozenset" in stream or b"tuple" in stream
        """These may be made of a list, and their hashes of all that this holds."""
        has_dicts = is_escaped or b"dict" in stream or b"Dict" in stream
        self._kept_of_lists = _LARGE | (_LISTS if has_dicts else frozenset())
        self._has_states = is_escaped or b"uuid" in stream
        self._long: dict[int, int] = {}
        """The hashes of long texts and numbers, by their places."""
        self._numbers: dict[int, Any] = {}
        """What dicts have under "int", which the state of a UUID has, by their places."""

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
            known = b"%d" % value
            same = counts.get(known, 0)
            counts[known] = same + 1
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
        """Items are set in a dict, which may be an object's state: the last number counts."""
        if self._has_states and type(holder) is int:
            for key, value in zip(items[::2], items[1::2]):
                if type(key) is not int or self._stream[key] in _TEXTS and self._value(key) == "int":
                    self._numbers[holder] = value if type(key) is int else key

    def stated(self, made: Any, state: Any) -> None:
        """An object has a state: of a UUID its number, of a type of numpy's the order of its bytes."""
        if type(made) is not Composite or made.kind != "call":
            return
        name = self._call(made)[0]
        if name == _DTYPE:
            parts = state.parts if type(state) is Composite and state.kind == "tuple" else []
            made.value = self._value(parts[1], _LONGEST_TEXT) if len(parts) > 1 else _UNKNOWN
        elif name == _UUID:
            if made.value is not _UNKNOWN:  # its hash may be part of another that was found
                raise ValueError("a number that is changed")
            number = self._numbers.get(state) if type(state) is int else None
            made.value = self._value(number, _LONGEST_TEXT) if type(number) is int else _UNKNOWN
            made.known = _constant(_UUID) if made.value is _UNKNOWN else hash(made.value)

    def called(self, made: Composite, has_names: bool = False) -> None:
        """What a call returns, and whether what it is given, perhaps also by names, becomes its keys."""
        name, arguments = self._call(made)
        made.is_found = True
        if name in _CHOSEN and name is not None:
            made.known = _constant(name) if has_names else self._hash_of_call(made, name, arguments)
        if name is None or name[1] not in _FILLED or name[0].partition(".")[0] not in _HOMES:
            return
        for each in arguments:
            values = self._held(each)
            self._work(1, 1 + _PER_VALUE * len(values))
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
        if not value.is_found:
            value.is_found = True
            value.known = self._hash_of_parts(value)
        return value.known  # type: ignore[no-any-return]

    def _inner(self, value: Any) -> Any:
        """What has the hash of a value, as a part of another."""
        found = self._hash(value)
        return id(value) if found is None else value if type(value) is Composite else found

    def _hash_of_leaf(self, at: int) -> int:
        start, end = self._extent(at)
        self._work(1, 1)
        if end - start <= _LONGEST_TEXT:
            self._work(1, end - start >> 5)
            return self._hash_of_short(at)
        if at not in self._long:
            self._long[at] = self._hash_of_short(at)
        return self._long[at]

    def _hash_of_short(self, at: int) -> int:
        value = self._value(at)
        if value is not _UNKNOWN:
            return hash(value) if value == value else at  # NaN is like no other
        start, end = self._extent(at)
        return hash(self._stream[start:end]) if end > start else self._stream[at] << 32

    def _hash_of_parts(self, value: Composite) -> int | None:
        if value.depth > _DEEPEST:
            return _constant(value.kind)
        if value.kind == "tuple":
            return hash(tuple(map(self._inner, value.parts)))
        return self._hash_of_set(value.parts) if value.kind == "frozenset" else hash(self._name(value))

    def _hash_of_set(self, values: list[Any]) -> int:
        """Python combines the hashes of all elements that differ, also where these are the same."""
        found: dict[Any, int] = {}
        owners: dict[bytes, Any] = {}
        random, is_text = set(), False
        for each in values:
            known = self._hash(each)
            own = self._equal(each, known) if type(each) is int else id(each)
            if known is None:
                random.add(self._call(each)[0] if each.kind == "call" else None)
            elif type(each) is int:
                is_text = is_text or self._stream[each] in _TEXTS or self._stream[each] in _BYTES
            owner = owners.setdefault(b"%d" % known, own) if known is not None else own
            if owner != own and not type(owner) is type(own) is str:
                return _constant(_FROZENSET)  # whether they are equal is not known
            found[own] = id(each) if known is None else known
        if len(random) > 1 or random and is_text:  # a date has the hash of some bytes, and an address that of a text
            return _constant(_FROZENSET)
        return hash(frozenset(map(_Hashed, found.values())))

    def _equal(self, at: int, known: int | None) -> str:
        """A text that is the same for what is equal."""
        start, end = self._extent(at)
        if end - start > _LONGEST_TEXT:
            return f"{self._stream[at] in _BYTES} {known}"
        value = self._value(at)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return f"{value:x}" if isinstance(value, int) else repr(value) if value is not _UNKNOWN else f"at {at}"

    def _hash_of_call(self, made: Composite, name: tuple[str, str], arguments: list[Any]) -> int | None:
        """That of what a call returns; where it is not known, one that all of the kind have."""
        if name in _MADE:
            made.value = self._made(name, arguments)
            try:
                return hash(made.value) if made.value is not _UNKNOWN else _constant(name)
            except TypeError:  # a NaN that is a signal
                return _constant(name)
        is_held = len(arguments) == 1 or len(arguments) == 2 and name in _STRUCTURES
        values = self._held(arguments[0]) if is_held else arguments
        self._work(1, 1 + _PER_VALUE * len(values))
        if name == _TUPLE:
            plain = self.composed("tuple", list(values))
            made.kind, made.parts, made.weight, made.depth = plain.kind, plain.parts, plain.weight, plain.depth
            return self._hash_of_parts(made) if plain.weight <= HEAVY else _constant(name)
        if made.depth > _DEEPEST or made.weight > HEAVY:
            return _constant(name)
        if name == _FROZENSET:
            return self._hash_of_set(values)
        return hash(tuple(map(self._inner, values))) if name in _LIKE_TUPLES else _constant(name)

    def _made(self, name: tuple[str, str], arguments: list[Any]) -> Any:
        """The number or the like that is made of these."""
        try:
            if name in _SCALARS:
                return self._scalar(*arguments)
            values = [self._value(each, _LONGEST_TEXT) for each in arguments]
            if not all(type(each) in _PLAIN for each in values):
                return _UNKNOWN
            return _maker(*name)(*values)
        except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError, struct.error):
            return _UNKNOWN

    def _scalar(self, dtype: Any, given: Any) -> Any:
        """The number that numpy finds in bytes; texts are as these."""
        data = self._value(given, _LONGEST_TEXT)
        name, arguments = self._call(dtype) if type(dtype) is Composite and dtype.kind == "call" else (None, [])
        found = _TYPE.fullmatch(self._value(arguments[0], _LONGEST_TEXT)) if name == _DTYPE else None
        if found is None or type(data) is not bytes or type(dtype.value) is not str:
            return _UNKNOWN
        is_swapped = ">" in (found[1], dtype.value)
        if found[2] in "SUa":
            return data
        if found[2] in "iubmM":
            return int.from_bytes(data, "big" if is_swapped else "little", signed=found[2] in "imM")
        size = found[2] + found[3]
        numbers = _long_doubles(data[::-1 if is_swapped else 1], _LONG_DOUBLES[size]) if size in _LONG_DOUBLES else (
            struct.unpack((">" if is_swapped else "<") + _FLOATS[size], data))
        if is_swapped and size in _LONG_DOUBLES:
            numbers = numbers[::-1]
        return complex(*numbers) if len(numbers) == 2 else numbers[0]

    def _held(self, value: Any) -> list[Any]:
        """What is in a list or tuple, of a list perhaps only what may share its hash."""
        if type(value) is int:
            return self._listed.get(value, [])
        return value.parts if value.kind == "tuple" else []  # type: ignore[no-any-return]

    def _value(self, at: Any, longest: int | None = None) -> Any:
        """A number, a text or the like, or a tuple of these."""
        if type(at) is not int:
            return at.value if at.kind == "call" else self._value_of_tuple(at, longest)
        code = self._stream[at]
        if code in b"N)":
            return () if code == ord(")") else None
        start, end = self._extent(at)
        if longest is not None:
            if end - start > longest:
                return _UNKNOWN
            self._work(1, 1 + ((end - start) ** 2 >> 10))  # so long does it take to make a number of it
        if code in _BYTES:
            return self._stream[start:end]
        if code not in _TEXTS:
            number = self._number(at)
            return _UNKNOWN if number is None else number
        text = self._stream[start:end]
        if code == ord("V"):
            return text.decode("raw-unicode-escape", "replace")
        if code == ord("S"):
            return unquoted(text).decode("latin-1")
        return text.decode("utf-8", "surrogatepass")

    def _value_of_tuple(self, made: Composite, longest: int | None) -> Any:
        if made.kind != "tuple" or made.weight > _MOST_PARTS or len(made.parts) > _MOST_PARTS or made.depth > _DEEPEST:
            return _UNKNOWN
        self._work(1, 1 + len(made.parts))
        values = tuple(self._value(each, longest) for each in made.parts)
        return _UNKNOWN if any(each is _UNKNOWN for each in values) else values

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
        if type(value) is not Composite or value.kind != "name":
            return None
        if value.value is _UNKNOWN:
            module, name = (self._value(each, _LONGEST_TEXT) for each in value.parts)
            is_text = type(module) is str and type(name) is str
            value.value = _restore.modern_name(module, name) if is_text else None
        return value.value  # type: ignore[no-any-return]

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
            return float(value) if code == ord("F") else _TRUTHS[value] if value in _TRUTHS else int(
                value.rstrip(b"L"), 0)
        except ValueError:
            return None


def _long_doubles(data: bytes, count: int) -> tuple[float, ...]:
    """Numbers of 80 bits, of which numpy finds the hash as that of the nearest float."""
    size, rest = divmod(len(data), count)
    if rest or size < 10:
        raise ValueError("no such numbers")
    return tuple(_long_double(data[at:at + 10]) for at in range(0, len(data), size))


def _long_double(data: bytes) -> float:
    mantissa, high = struct.unpack("<QH", data)
    exponent, sign = (high & 0x7FFF) - 16383 - 63, -1.0 if high & 0x8000 else 1.0
    if high & 0x7FFF == 0x7FFF:
        return sign * math.inf if not mantissa << 1 & _MANTISSA else math.nan
    try:
        return sign * (float(mantissa << exponent) if exponent > 0 else mantissa / (1 << -exponent))
    except OverflowError:
        return sign * math.inf


def _constant(name: Any) -> int:
    """In the place of a hash that is not known, and may be chosen: all that have it may share their hash."""
    return hash((_constant, name))


def _maker(module: str, name: str) -> Callable[..., Any]:
    """What makes values quickly of what is short, a Fraction of digits alone, and no bytes of a number."""
    make: Callable[..., Any] = getattr(importlib.import_module(module), name)
    if name in _OF_TEXTS:
        def text(value: Any = b"", *coding: Any) -> Any:
            if type(value) not in (str, bytes) or coding not in ((), ("latin1",)):
                raise ValueError
            return make(value, *coding)
        return text
    if name != "Fraction":
        return make

    def fraction(*arguments: Any) -> Any:
        if any(type(each) is str and not re.fullmatch(r"[-+]?\d+(?:/\d+)?", each) for each in arguments):
            raise ValueError
        return make(*arguments)
    return fraction


_UUID = ("uuid", "UUID")
_DTYPE = ("numpy", "dtype")
_TYPE = re.compile(r"([<>=|]?)([a-zA-Z?])(\d*)")
_SCALARS = frozenset((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core"))
_FROZENSET, _TUPLE = ("builtins", "frozenset"), ("builtins", "tuple")
_LONG_DOUBLES = {"f16": 1, "c32": 2, "f12": 1, "c24": 2} if os.uname().machine in ("x86_64", "i686", "i386") else {}
"""How many numbers of 80 bits there are in those of numpy's types; elsewhere they have another form."""
_MANTISSA = (1 << 64) - 1
_FLOATS = {"f2": "e", "f4": "f", "f8": "d", "c8": "ff", "c16": "dd", "?": "?"}
_PLAIN = frozenset([int, float, complex, bool, str, bytes, tuple, type(None)])
"""Of these the others are made, and this does not take long, as of a Decimal it may."""
_OF_TEXTS = frozenset("str bytes encode".split())
_MAKERS = (("copyreg", "__newobj__"), ("copyreg", "_reconstructor"))
_OF_PAIRS = frozenset("dict OrderedDict defaultdict ImmutableMultiDict".split())
_HOMES = frozenset("builtins collections werkzeug".split())
_FILLED = _OF_PAIRS | frozenset("set frozenset Counter".split())
_MADE = _SCALARS | frozenset({
    ("decimal", "Decimal"), ("fractions", "Fraction"), ("datetime", "timedelta"), ("_codecs", "encode"), _UUID,
    ("operator", "or_"), ("_operator", "or_"),
    *(("builtins", name) for name in "int float complex bool range str bytes".split()),
    *(("ipaddress", f"IPv{version}{kind}") for version in (4, 6) for kind in ("Network", "Interface"))})
_STRUCTURES = frozenset({
    ("time", "struct_time"), ("resource", "struct_rusage"),
    *(("os", name) for name in "stat_result statvfs_result terminal_size".split()),
    *(("posix", name) for name in "times_result uname_result".split())})
"""These may be given a dict too."""
_LIKE_TUPLES = _STRUCTURES | frozenset({
    ("builtins", "slice"), ("pandas._libs.interval", "Interval"),
    *(("werkzeug.datastructures" + module, "ImmutableMultiDict") for module in ("", ".structures")),
    *(("urllib.parse", f"{kind}Result{of}") for kind in ("Parse", "Split", "Defrag") for of in ("", "Bytes"))})
_CHOSEN = _MADE | _LIKE_TUPLES | {_DTYPE, _FROZENSET, _TUPLE}
"""Whoever writes a pickle may choose the hashes of what these return. Those of others are random, or of an object's
address."""
