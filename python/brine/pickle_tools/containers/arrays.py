"""numpy's arrays in files of their own, which hold a pickle where the array is one of objects."""

import ast
import math
import re
from collections.abc import Iterator
from typing import IO, Any

from brine.pickle_tools.containers.part import Part, Unopened, read

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 64 << 10
_NUMBERS = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGcpPuSUaVmM]\d{0,9}(?:\[\d*\w+\])?")
_DEEPEST = 16
_MOST_DIMENSIONS = 64
_SIZES = dict(zip("?bBhHiIlLqQefdgFDGpP", (1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 2, 4, 8, 16, 8, 16, 32, 8, 8)))
"""Of types that have no number in their names."""


def is_npy(part: Part) -> bool:
    return part.head.startswith(_MAGIC)


def open_npy(part: Part) -> Iterator[Part]:
    """The pickle behind the header, if its dtype may have objects; numbers are not looked at, but what follows them is,
    and arrays that follow each other are gone through, as many as a file may have members."""
    with part.seekable() as file:
        at = 0
        while True:
            part.budget.enter(part.depth + 1)
            at, of_numbers = _behind_header(file, at)
            if not of_numbers:
                yield part.behind(at)
                return
            if at > file.seek(0, 2):
                return
            file.seek(at)
            start = read(file, len(_MAGIC))
            if not start:
                return
            if start != _MAGIC:
                yield part.behind(at, searched=True)
                return


def _behind_header(file: IO[bytes], at: int) -> tuple[int, bool]:
    """Where the array of a header at that place ends, or its pickle begins; and whether it is one of numbers."""
    file.seek(at)
    start = read(file, 12)
    of_size = 10 if start[6:7] == b"\x01" else 12
    size = int.from_bytes(start[8:of_size], "little")
    if len(start) < of_size or size > _LONGEST_HEADER:
        raise Unopened("has no sound header of numpy's format .npy")
    file.seek(at + of_size)
    fields = _fields(read(file, size))
    of_numbers = _are_numbers(fields.get("descr"), 0)
    numbers = _bytes(fields["descr"]) * math.prod(fields["shape"]) if of_numbers else 0
    return at + of_size + size + numbers, of_numbers


def _fields(header: bytes) -> dict[str, Any]:
    """What the header says: a dtype's description and a shape."""
    try:
        fields = ast.literal_eval(header.decode("latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not _is_shape(fields.get("shape")):
        raise Unopened("has no sound header of numpy's format .npy")
    return fields


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and len(shape) <= _MOST_DIMENSIONS and all(
        type(each) is int and 0 <= each < 1 << 63 for each in shape)


def _bytes(dtype: Any) -> int:
    """Of one value of a type of numbers."""
    if isinstance(dtype, list):
        return sum(_bytes(field[1]) * math.prod(field[2:3] and _shape_of(field[2])) for field in dtype)
    letter, digits = re.match(r"[<>|=]?(.)(\d*)", dtype).groups()  # type: ignore[union-attr]
    if letter in "Mm":
        return 8
    return int(digits or 0) * (4 if letter == "U" else 1) if digits else _SIZES.get(letter, 0)


def _shape_of(shape: Any) -> tuple[int, ...]:
    return shape if _is_shape(shape) else (shape,) if type(shape) is int and 0 <= shape < 1 << 31 else ()


def _are_numbers(dtype: Any, depth: int) -> bool:
    """A dtype's description: a text, or a list of (NAME, DTYPE) and (NAME, DTYPE, SHAPE)."""
    if isinstance(dtype, str):
        return _NUMBERS.fullmatch(dtype) is not None
    return isinstance(dtype, list) and depth < _DEEPEST and all(
        isinstance(field, tuple) and len(field) in (2, 3) and _are_numbers(field[1], depth + 1) for field in dtype)
