"""What a zip archive holds and does not list: bytes around its members, and members that its directory leaves out.

A reader of zip finds members by the directory at the end; one that reads a stream, or repairs an archive, by what
stands before each of them. Whoever writes the file chooses which of the two sees what.
"""

import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from brine.pickle_tools.containers.part import BLOCK, Part, Span, Unopened

_HEADER = struct.Struct("<4s5H3I2H")
_START = re.compile(rb"PK\x03\x04")
_DESCRIPTOR = re.compile(rb"(?:PK\x07\x08)?(?:.{12}|.{20})", re.DOTALL)
_LONGEST_DESCRIPTOR = 24
_IN_EXTRA, _ZIP64 = 0xFFFFFFFF, 0x0001
"""A size that stands in the extra field instead, and the kind of that field."""
_SIZES_BEHIND, _UTF_8 = 0x8, 0x800
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_PER_BYTE = 1032
"""What a byte of deflate unpacks to at most."""
_MOST_GAPS = 10_000


class Gap(NamedTuple):
    """Bytes that belong to no member of the directory."""

    start: int
    end: int


def unlisted(part: Part, file: IO[bytes], archive: zipfile.ZipFile) -> Iterator[Part]:
    """The bytes around the members, as parts to be searched, and members that begin in these or are there otherwise."""
    size = file.seek(0, 2)
    spans = []
    for member in archive.infolist():
        own = _own(file, member.header_offset, size)
        if own is not None:
            start, info = own
            spans.append((member.header_offset, min(start + member.compress_size, size)))
            if not _agrees(info, member):
                yield _member(part, archive, info)
    for number, gap in enumerate(_gaps(file, spans, size)):
        if number == _MOST_GAPS:
            raise Unopened(f"has more than {_MOST_GAPS} places between members; the others were not searched")
        yield part.inside(f"+{gap.start}", _bytes(file, gap), searched=True)
        for at in _starts(file, gap):
            own = _own(file, at, size)
            if own is not None:
                yield _member(part, archive, own[1])


def _own(file: IO[bytes], at: int, size: int) -> tuple[int, zipfile.ZipInfo] | None:
    """Where a member's data begin, and what the header before them says; None: there is none."""
    file.seek(at)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not _START.match(header):
        return None
    _, _, flags, method, _, _, checksum, packed, unpacked, of_name, of_extra = _HEADER.unpack(header)
    name, extra = file.read(of_name), file.read(of_extra)
    start = at + _HEADER.size + of_name + of_extra
    if method not in _METHODS or not name or start > size:
        return None
    info = zipfile.ZipInfo(name.decode("utf-8" if flags & _UTF_8 else "cp437", "replace"))
    info.header_offset, info.flag_bits, info.compress_type = at, flags, method
    if packed == _IN_EXTRA:
        packed, unpacked = _sizes_in(extra, unpacked) or (packed, unpacked)
    if flags & _SIZES_BEHIND or packed > size - start:
        packed, unpacked = size - start, (size - start) * _PER_BYTE
    else:
        info.CRC = checksum
    info.compress_size, info.file_size = packed, unpacked
    return start, info


def _sizes_in(extra: bytes, unpacked: int) -> tuple[int, int] | None:
    """(packed, unpacked) of a member of ZIP64, whose header has no room for them; None: they are not there."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64:
            sizes = struct.unpack_from(f"<{min(size, len(extra) - at - 4) // 8}Q", extra, at + 4)
            return (sizes[1], sizes[0]) if unpacked == _IN_EXTRA and len(sizes) > 1 else (
                sizes[0], unpacked) if unpacked != _IN_EXTRA and sizes else None
        at += 4 + size
    return None


def _agrees(own: zipfile.ZipInfo, listed: zipfile.ZipInfo) -> bool:
    """Whether a member's own header tells of the same bytes as the directory."""
    return own.compress_type == listed.compress_type and (
        not hasattr(own, "CRC") or own.compress_size == listed.compress_size)


def _member(part: Part, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Part:
    return part.inside(f"+{info.header_offset}!{info.filename}", _reader(archive, info))


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _gaps(file: IO[bytes], spans: list[tuple[int, int]], size: int) -> Iterator[Gap]:
    """What lies before, between and behind these, but for the sizes that may follow a member."""
    at = 0
    for start, end in [*sorted(spans), (size, size)]:
        if start > at and not _is_descriptor(file, at, start):
            yield Gap(at, start)
        at = max(at, end)


def _is_descriptor(file: IO[bytes], start: int, end: int) -> bool:
    if end - start > _LONGEST_DESCRIPTOR:
        return False
    file.seek(start)
    return _DESCRIPTOR.fullmatch(file.read(end - start)) is not None


def _starts(file: IO[bytes], gap: Gap) -> Iterator[int]:
    """Where a member may begin."""
    at, kept = gap.start, b""
    while at < gap.end:
        file.seek(at)
        block = file.read(min(BLOCK, gap.end - at))
        if not block:
            return
        data = kept + block
        yield from (at - len(kept) + found.start() for found in _START.finditer(data))
        at, kept = at + len(block), data[-3:]


def _bytes(file: IO[bytes], gap: Gap) -> Callable[[], IO[bytes]]:
    return lambda: Span(file, gap.start, gap.end)  # type: ignore[return-value]
