"""numpy's arrays in files of their own, which hold a pickle where the array is one of objects."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from brine.pickle_tools.containers.part import Part, Unopened, read

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 64 << 10
_NUMBERS = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGcpPuSUaVmM]\d{0,9}(?:\[\d*\w+\])?")
_DEEPEST = 16


def is_npy(part: Part) -> bool:
    return part.head.startswith(_MAGIC)


def open_npy(part: Part) -> Iterator[Part]:
    """The pickle behind the header, if its dtype may have objects; numbers are not looked at."""
    start = 10 if part.head[6:7] == b"\x01" else 12
    size = int.from_bytes(part.head[8:start], "little")
    if len(part.head) < start or size > _LONGEST_HEADER:
        raise Unopened("has no sound header of numpy's format .npy")
    with part.open() as stream:
        header = read(stream, start + size)[start:]
    if not _is_of_numbers(header):
        yield part.behind(start + size)


def _is_of_numbers(header: bytes) -> bool:
    """Whether the header says for certain that there are no objects."""
    try:
        fields = ast.literal_eval(header.decode("latin-1").strip())
        return isinstance(fields, dict) and _are_numbers(fields.get("descr"), 0)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise Unopened("has no sound header of numpy's format .npy") from None


def _are_numbers(dtype: Any, depth: int) -> bool:
    """A dtype's description: a text, or a list of (NAME, DTYPE) and (NAME, DTYPE, SHAPE)."""
    if isinstance(dtype, str):
        return _NUMBERS.fullmatch(dtype) is not None
    return isinstance(dtype, list) and depth < _DEEPEST and all(
        isinstance(field, tuple) and len(field) in (2, 3) and _are_numbers(field[1], depth + 1) for field in dtype)
