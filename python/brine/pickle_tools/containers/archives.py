"""Archives of several files: zip, with what is stored in it (PyTorch's .pt, numpy's .npz), and tar."""

import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from brine.pickle_tools.containers.part import BLOCK, Part, Span, Unopened
from brine.pickle_tools.containers.unlisted import unlisted

_NUMBERS = re.compile(r"((?:.*/)?)data/[0-9]+", re.DOTALL)
_TAIL = 66_000
_SMALL = 64 << 20


def is_zip(part: Part) -> bool:
    """By its start or by its end: a zip archive may follow anything, a pickle for one."""
    if part.head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return True
    if part.depth:
        return False
    with part.seekable() as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        return b"PK\x05\x06" in file.read(_TAIL) and zipfile.is_zipfile(file)


def open_zip(part: Part) -> Iterator[Part]:
    """The members, and what else is there: it depends on who reads the archive."""
    with part.seekable() as file, zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        raw = _numbers({member.filename for member in members})
        for member in members:
            if member.flag_bits & 0x1:
                raise Unopened(f"is encrypted: its member {member.filename}")
            yield part.inside(member.filename, _reader(archive, member), raw=member.filename in raw)
        yield from unlisted(part, file, archive)


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(member)


def _numbers(names: set[str]) -> set[str]:
    """What PyTorch takes for numbers: what is called by one, in the folder `data` beside `data.pkl`."""
    found = ((name, _NUMBERS.fullmatch(name)) for name in names)
    return {name for name, match in found if match and f"{match[1]}data.pkl" in names}


def is_tar(part: Part) -> bool:
    """By the magic, or as the oldest format, which has none, by the sum of its first header."""
    return part.head[257:262] == b"ustar" or _is_header(part.head[:tarfile.BLOCKSIZE])


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def open_tar(part: Part) -> Iterator[Part]:
    """The files of an archive, and of those behind its end, at which some readers do not stop; what else is there is
    searched. What is of no known type is a file to Python."""
    with part.seekable() as file:
        size, at = file.seek(0, 2), 0
        while at < size:
            file.seek(at)
            if at and not _is_header(file.read(tarfile.BLOCKSIZE)):
                yield part.inside(f"+{at}", _rest(file, at, size), searched=True)
                return
            file.seek(at)
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    if member.isreg() or member.type not in tarfile.SUPPORTED_TYPES:
                        yield part.inside(member.name, _file(archive, member))
                end = archive.offset  # type: ignore[attr-defined]
            at = _behind_zeros(file, max(end, at + tarfile.BLOCKSIZE), size)


def _behind_zeros(file: IO[bytes], at: int, size: int) -> int:
    """The next block that is not empty."""
    length = tarfile.RECORDSIZE  # most archives end soon, and there may be many
    while at < size:
        file.seek(at)
        block = file.read(length)
        first = len(block) - len(block.lstrip(b"\0"))
        if first < len(block):
            return at + first // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
        at += len(block) or size
        length = min(2 * length, BLOCK)
    return size


def _rest(file: IO[bytes], start: int, end: int) -> Callable[[], IO[bytes]]:
    return lambda: Span(file, start, end)  # type: ignore[return-value]


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: archive.extractfile(member)
