"""Archives of several files: zip, with what is stored in it (PyTorch's .pt, numpy's .npz), and tar."""

import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from brine.pickle_tools.containers.part import Part, Unopened
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
    return part.head[257:262] == b"ustar"


def open_tar(part: Part) -> Iterator[Part]:
    with part.seekable() as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if member.isfile():
                yield part.inside(member.name, _file(archive, member))


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: archive.extractfile(member)
