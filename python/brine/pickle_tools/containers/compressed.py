"""Streams that are compressed as a whole: gzip, bzip2, xz and lzma, zlib; also several, one after the other."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from brine.pickle_tools.containers.part import BLOCK, Part

_MEMORY = 256 << 20
"""What a stream of lzma may claim for its dictionary; `xz -9` takes a quarter of it."""
_SAMPLE = 64


class Unpacked(io.RawIOBase):
    """A stream through a decompressor, which is made anew for each stream that follows."""

    def __init__(self, below: Any, make: Callable[[], Any]) -> None:
        self._below, self._make, self._unpacker, self._packed = below, make, make(), b""
        self._started = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        most = BLOCK if size < 0 else size
        while True:
            wants_more = getattr(self._unpacker, "needs_input", True)
            if wants_more and not self._packed:
                self._packed = self._below.read(BLOCK)
                if not self._packed:
                    if self._started:
                        raise EOFError("the compressed stream ends too early")
                    return b""
            self._started = True
            block: bytes = self._unpacker.decompress(self._packed if wants_more else b"", most)
            if wants_more:
                self._packed = getattr(self._unpacker, "unconsumed_tail", b"")
            if self._unpacker.eof:
                self._packed = self._unpacker.unused_data.lstrip(b"\0")
                self._unpacker, self._started = self._make(), False
            if block or not most:
                return block

    def close(self) -> None:
        if not self.closed:
            self._below.close()
        super().close()


def _gzip() -> Any:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _xz() -> Any:
    return lzma.LZMADecompressor(memlimit=_MEMORY)


def _unpacks(part: Part, make: Callable[[], Any]) -> bool:
    """Whether the first bytes are of the format: a few bytes of magic may be in any file."""
    try:
        make().decompress(part.head, _SAMPLE)
    except (zlib.error, lzma.LZMAError, OSError):
        return False
    return True


def is_gzip(part: Part) -> bool:
    return part.head.startswith(b"\x1f\x8b\x08")


def open_gzip(part: Part) -> Iterator[Part]:
    yield part.inside("gzip", lambda: Unpacked(part.open(), _gzip))


def is_bz2(part: Part) -> bool:
    return part.head[:3] == b"BZh" and part.head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")


def open_bz2(part: Part) -> Iterator[Part]:
    yield part.inside("bz2", lambda: Unpacked(part.open(), bz2.BZ2Decompressor))


def is_xz(part: Part) -> bool:
    """Also the older format .lzma, which has no magic but its usual settings."""
    return part.head.startswith(b"\xfd7zXZ\0") or (part.head[:3] == b"]\0\0" and _unpacks(part, _xz))


def open_xz(part: Part) -> Iterator[Part]:
    yield part.inside("xz", lambda: Unpacked(part.open(), _xz))


def is_zlib(part: Part) -> bool:
    head = part.head
    return (len(head) > 2 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0
            and _unpacks(part, zlib.decompressobj))


def open_zlib(part: Part) -> Iterator[Part]:
    yield part.inside("zlib", lambda: Unpacked(part.open(), zlib.decompressobj))
