"""Archives of several files: zip, with what is stored in it (PyTorch's .pt, numpy's .npz), and tar."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from brine.pickle_tools.containers.part import Part, Unopened

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
    with part.seekable() as file, zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        tensors = _tensors({member.filename for member in members})
        for member in members:
            if member.flag_bits & 0x1:
                raise Unopened(f"is encrypted: its member {member.filename}")
            yield part.inside(member.filename, _reader(archive, member), raw=member.filename.startswith(tensors))


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(member)


def _tensors(names: set[str]) -> tuple[str, ...]:
    """The folders in which PyTorch keeps the numbers of what `data.pkl` beside them describes."""
    return tuple(f"{name[:-len('data.pkl')]}data/" for name in names if name.endswith("data.pkl"))


def is_tar(part: Part) -> bool:
    return part.head[257:262] == b"ustar"


def open_tar(part: Part) -> Iterator[Part]:
    with part.seekable() as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if member.isfile():
                yield part.inside(member.name, _file(archive, member))


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: archive.extractfile(member)
