"""Containers in which pickles are found: each kind is recognized by its bytes, and opened as what it is.

A kind is a row of KINDS: its name, and two functions of a `Part`. The one says whether the part is of that
kind, the other gives the parts in it; it may raise Unopened, or what the library raises for a file that is
broken (ERRORS). A part can be of several kinds, since whoever writes one chooses how it is read.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from brine.pickle_tools.containers import archives, arrays, compressed, databases
from brine.pickle_tools.containers.databases import is_carved
from brine.pickle_tools.containers.part import BLOCK, Budget, Part, Unopened
from brine.pickle_tools.containers.unopened import unopened

__all__ = ["BLOCK", "ERRORS", "KINDS", "Budget", "Kind", "Part", "Unopened", "is_carved", "kinds_of", "unopened"]

ERRORS = (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, NotImplementedError,
          RuntimeError, OverflowError, MemoryError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
"""What Python's library raises for a broken container."""


class Kind(NamedTuple):
    """A kind of container."""

    name: str
    """With its article, as it is told to people."""
    fits: Callable[[Part], bool]
    open: Callable[[Part], Iterator[Part]]
    is_all: bool = False
    """What it holds is all that there is: its bytes need not be read as a pickle too."""
    is_one_stream: bool = False
    """What it holds is what it has the name of: x.pkl.gz is a pickle."""


KINDS = (
    Kind("a zip archive", archives.is_zip, archives.open_zip),
    Kind("a tar archive", archives.is_tar, archives.open_tar),
    Kind("a file of gzip", compressed.is_gzip, compressed.open_gzip, is_one_stream=True),
    Kind("a file of bzip2", compressed.is_bz2, compressed.open_bz2, is_one_stream=True),
    Kind("a file of xz", compressed.is_xz, compressed.open_xz, is_one_stream=True),
    Kind("a stream of zlib", compressed.is_zlib, compressed.open_zlib, is_one_stream=True),
    Kind("an array of numpy", arrays.is_npy, arrays.open_npy, is_one_stream=True),
    Kind("an SQLite database", databases.is_sqlite, databases.open_sqlite),
    Kind("a database of dbm.dumb", databases.is_dumb, databases.open_dumb, is_all=True),
)


def kinds_of(part: Part) -> list[Kind]:
    """What kinds of container a part is."""
    return [kind for kind in KINDS if kind.fits(part)]
