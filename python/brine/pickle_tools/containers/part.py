"""What a container holds, as streams of bytes, and how much of it may be unpacked.

A file that somebody hands in may be small and unpack to more than any disk holds, so whatever is read
through a container is charged to one budget for each file.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import IO, Any

BLOCK = 1 << 20
HEAD = 1 << 10
_IN_MEMORY = 16 << 20
_MOST_MEMBERS = 1_000_000
_DEEPEST = 8
_FREE, _RATIO = 256 << 20, 300
"""So much may be unpacked in any case, and so many times a file's own size."""


class Unopened(Exception):
    """Why a container, or the rest of one, could not be opened, as a clause: "is an archive of 7-Zip"."""


class Budget:
    """What may still be unpacked of one file."""

    def __init__(self, size: int, limit: int) -> None:
        self._bytes = min(limit, max(_FREE, _RATIO * size))
        self._all = self._bytes
        self._members = _MOST_MEMBERS

    def charge(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise Unopened(f"unpacks to more than {self._all} bytes; the rest was not read")

    def enter(self, depth: int) -> None:
        """One more member of a container, `depth` containers deep."""
        self._members -= 1
        if self._members < 0:
            raise Unopened(f"has more than {_MOST_MEMBERS} members; the others were not read")
        if depth > _DEEPEST:
            raise Unopened(f"is packed more than {_DEEPEST} times over")


class _Charged(io.RawIOBase):
    """A stream whose bytes are charged to a budget."""

    def __init__(self, stream: Any, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._stream.read(BLOCK if size < 0 else min(size, BLOCK))
        self._budget.charge(len(block))
        return block

    def close(self) -> None:
        if not self.closed and hasattr(self._stream, "close"):
            self._stream.close()
        super().close()


class Span(io.RawIOBase):
    """Bytes of a file that others read too."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self._file, self._at, self._end = file, start, end

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._at)
        left = self._end - self._at
        block = self._file.read(left if size < 0 else min(size, left))
        self._at += len(block)
        return block


class Part:
    """A file, or what lies in a container; it can be opened again and again while its container is open."""

    def __init__(self, member: str, opener: Callable[[], Any], budget: Budget, *, depth: int = 0,
                 path: str | None = None, raw: bool = False, searched: bool = False) -> None:
        self.member = member
        """How it is called within the file; empty for the file itself."""
        self.budget = budget
        self.depth = depth
        self.path = path
        """Of the file itself, if it is one that stays where it is."""
        self.raw = raw
        """A loader takes it for numbers, and never for a pickle."""
        self.searched = searched
        """It is no file of its own: pickles may be anywhere in it."""
        self._opener = opener
        self._head: bytes | None = None

    def open(self) -> IO[bytes]:
        """A new stream from the start. Raises Unopened, and whatever its container raises."""
        stream = self._opener()
        return stream if self.depth == 0 else _Charged(stream, self.budget)  # type: ignore[return-value]

    @property
    def head(self) -> bytes:
        """Its first bytes."""
        if self._head is None:
            with closing(self.open()) as stream:
                self._head = read(stream, HEAD)
        return self._head

    @contextmanager
    def seekable(self) -> Iterator[IO[bytes]]:
        """It as a file in which one can move about: a copy on disk if need be."""
        with closing(self.open()) as stream:
            if self.depth == 0:
                yield stream
                return
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
                while block := stream.read(BLOCK):
                    copy.write(block)
                copy.seek(0)
                yield copy  # type: ignore[misc]

    def inside(self, member: str, opener: Callable[[], Any], *, raw: bool = False, searched: bool = False) -> "Part":
        """A part of this one."""
        self.budget.enter(self.depth + 1)
        name = f"{self.member}!{member}" if self.member else member
        return Part(name, opener, self.budget, depth=self.depth + 1, raw=raw, searched=searched)

    def behind(self, offset: int, *, searched: bool = False) -> "Part":
        """What follows that many bytes of it."""
        return self.inside(f"+{offset}", lambda: _from(self.open(), offset), searched=searched)


def _from(stream: Any, offset: int) -> Any:
    if stream.seekable():
        stream.seek(offset)
        return stream
    while offset > 0 and (block := stream.read(min(offset, BLOCK))):
        offset -= len(block)
    return stream


def read(stream: Any, size: int) -> bytes:
    """That many bytes, where the stream has so many."""
    parts: list[bytes] = []
    while size > 0 and (block := stream.read(size)):
        parts.append(block)
        size -= len(block)
    return b"".join(parts)
