"""Databases whose values are pickles: SQLite (diskcache, sqlitedict, dbm.sqlite3), dbm.dumb (shelve)."""

import ast
import binascii
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from typing import IO

from brine.pickle_tools.containers.part import BLOCK, Part, Unopened

_MOST_STEPS = 20_000
_STEP = 10_000
"""Instructions of SQLite's between two looks at the number of these looks."""
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})
_DIRECTORY = 64 << 20
_IN_BASE64 = re.compile(rb"gA[I-X]")
"""How pickles of the protocols from 2 on begin there."""


def is_sqlite(part: Part) -> bool:
    return part.head.startswith(b"SQLite format 3\0")


def open_sqlite(part: Part) -> Iterator[Part]:
    """Every blob of every table, and texts that end as a pickle does, or begin as one in base64.

    Views and virtual tables run what the file says: they are left out. A copy is read, with the log that lies
    beside a database in use, since SQLite may write to what it opens.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "database")
        with closing(part.open()) as stream:
            _copy(stream, copy)
        if part.path is not None and os.path.isfile(f"{part.path}-wal"):
            with open(f"{part.path}-wal", "rb") as log:
                _copy(log, f"{copy}-wal")
        if _is_cut(copy):
            raise Unopened("is an SQLite database, and no sound one: it ends too early")
        yield from _rows(part, copy)


def _is_cut(path: str) -> bool:
    """Whether the last page is not whole: SQLite reads nothing where it is missing, and does not say so."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(18)[16:], "big") or 1
        return os.path.getsize(path) % (1 << 16 if size == 1 else size) > 0


def _copy(stream: IO[bytes], path: str) -> None:
    with open(path, "wb") as copy:
        while block := stream.read(BLOCK):
            copy.write(block)


def _rows(part: Part, path: str) -> Iterator[Part]:
    database = sqlite3.connect(path)
    steps = iter(range(_MOST_STEPS))
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.text_factory = bytes
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)
        database.set_progress_handler(lambda: next(steps, None) is None, _STEP)
        tables = [(name or b"").decode(errors="replace") for name, sql in database.execute(
            "SELECT CAST(name AS TEXT), CAST(sql AS TEXT) FROM sqlite_master WHERE type = 'table'")
            if not (sql or b"").upper().startswith(b"CREATE VIRTUAL")]  # bytes(NUMBER) would be so many
        database.text_factory = _text
        for table in tables:
            cursor = database.execute('SELECT * FROM "{}"'.format(table.replace('"', '""')))
            for number, row in enumerate(cursor, start=1):
                for column, value in zip(cursor.description, row):
                    if isinstance(value, bytes) and value:
                        part.budget.charge(len(value))
                        yield part.inside(f"{table}[{number}].{column[0]}", _bytes(value))
    except sqlite3.Error as error:
        raise Unopened(f"cannot be read as an SQLite database: {error}") from None
    finally:
        database.close()


def _text(value: bytes) -> bytes:
    """A pickle of protocol 0, or one in base64, as Django's cache in a database writes it."""
    if _IN_BASE64.match(value):
        try:
            return binascii.a2b_base64(value)
        except binascii.Error:
            return b""
    return value if value.endswith(b".") else b""


def _bytes(value: bytes) -> Callable[[], IO[bytes]]:
    return lambda: BytesIO(value)


def is_dumb(part: Part) -> bool:
    """dbm.dumb writes NAME.dat, and NAME.dir beside it, which says where in the other each value is."""
    return part.path is not None and part.path.endswith(".dat") and os.path.isfile(f"{part.path[:-4]}.dir")


def open_dumb(part: Part) -> Iterator[Part]:
    assert part.path is not None
    with open(f"{part.path[:-4]}.dir", "rb") as directory:
        for number, line in enumerate(directory.read(_DIRECTORY).splitlines(), start=1):
            key, start, size = _entry(line.decode("latin-1"), number)
            yield part.inside(key, _slice(part, start, size))


def _entry(line: str, number: int) -> tuple[str, int, int]:
    """A line of the directory: 'key', (START, SIZE)."""
    try:
        key, (start, size) = ast.literal_eval(line[:10_000])
        if not isinstance(key, str) or type(start) is not int or type(size) is not int or start < 0 or size < 0:
            raise ValueError
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise Unopened(f"has a directory of dbm.dumb whose line {number} is none") from None
    return key, start, size


def _slice(part: Part, start: int, size: int) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        with part.open() as stream:
            stream.seek(start)
            return BytesIO(stream.read(size))
    part.budget.charge(size)
    return opened


def is_carved(part: Part) -> bool:
    """gdbm, and Berkeley's hash tables and B-trees, which dbm.ndbm writes too: they have no reader in Python."""
    head = part.head
    gdbm = {b"\x13\x57\x9a" + end for end in (b"\xcd", b"\xce", b"\xcf", b"\xd0", b"\xd1")}
    berkeley = {b"\x00\x06\x15\x61", b"\x00\x05\x31\x62"}
    return bool({head[:4], head[3::-1]} & gdbm) or bool({head[12:16], head[15:11:-1], head[:4], head[3::-1]} & berkeley)
