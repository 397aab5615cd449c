"""Pickle hazards that are met in processes which a test starts: what a worker finds goes to the test's own process.

So do the pickles of which that is to make the round trip.

A process that is forked has the guard, and the file to write to, from the one that it was forked from. One that
multiprocessing starts anew (`spawn`, `forkserver`) gets both with the first thing that it is sent.
"""

import errno
import fcntl
import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Iterator

import _pickle

from brine import _guard
from brine.pickle import Report, _react, install

_HEAD = 8

_START = """\
import sys
sys.path.extend(path for path in {paths!r} if path not in sys.path)
import brine.pytest_workers
brine.pytest_workers.start({mailbox!r}, {round_trip!r})
"""

MOST_ROUND_TRIPS = 1000
"""Of one process."""

LONGEST = 64 << 20
"""How many bytes of a pickle are posted."""


class Mailbox:
    """A file in which workers leave their reports and pickles, for the process that has made it."""

    def __init__(self) -> None:
        file, self.path = tempfile.mkstemp(prefix="brine-pickle-")
        os.close(file)
        self._read = 0

    def take(self) -> list[Report | bytes | str]:
        """What has come since the last call. A text says why something has not."""
        with open(self.path, "rb") as file:
            file.seek(self._read)
            data = file.read()
        posted: list[Report | bytes | str] = []
        taken = 0
        while taken + _HEAD <= len(data):
            begin = taken + _HEAD
            end = begin + int.from_bytes(data[taken:begin], "little")
            if end > len(data):  # a worker ended while it wrote
                break
            posted.append(_pickle.loads(data[begin:end]))
            taken = end
        self._read += taken
        return posted

    def close(self) -> None:
        """Workers that go on have nobody who hears them."""
        os.unlink(self.path)


def post(path: str, value: Report | bytes) -> None:
    """Leaves a report or a pickle, in one piece: other workers write there too. Raises OSError."""
    data = _pickle.dumps(value)
    if len(data) > LONGEST:
        data = _pickle.dumps(f"{len(data):,} bytes are more than a worker hands over, which is {LONGEST:,}")
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:  # the test has ended
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        _append(file, len(data).to_bytes(_HEAD, "little") + data)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)  # a process that was forked meanwhile has the file open
        os.close(file)


def _append(file: int, data: bytes) -> None:
    """Leaves nothing of what does not fit: it would be taken for the beginning of what follows."""
    before = os.fstat(file).st_size
    if os.write(file, data) != len(data):
        os.ftruncate(file, before)
        raise OSError(errno.ENOSPC, "there is no room for what a worker of the test has found")


class _Posting(list[Report]):
    """What a process that was started anew has for the reports."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def append(self, report: Report) -> None:
        post(self._path, report)


class Posted:
    """The pickles that a process has posted: each once, and not without end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: set[int] = set()

    def add(self, stream: bytes) -> None:
        if len(self._known) < MOST_ROUND_TRIPS and hash(stream) not in self._known:
            self._known.add(hash(stream))
            post(self._path, stream)


def start(path: str, round_trip: bool) -> None:
    """Called in a process that multiprocessing has started anew, before it gets its work."""
    install("Report")
    # Its Pickler derives from the one that pickle had when it was imported.
    importlib.reload(importlib.import_module("multiprocessing.reduction"))
    _react.collectors.append(_Posting(path))
    _guard.set_collecting(True)
    if round_trip:
        _react.samplers.append(Posted(path).add)
        _guard.set_sampling(True)


class _Start:
    """Is pickled as a call of start(): to load it is to have it called."""

    def __init__(self, path: str, round_trip: bool) -> None:
        self._path = path
        self._round_trip = round_trip

    def __reduce__(self) -> tuple[Any, ...]:
        paths = [each for each in sys.path if isinstance(each, str)]
        return exec, (_START.format(paths=paths, mailbox=self._path, round_trip=self._round_trip),)


@contextmanager
def starting_guarded(path: str, round_trip: Callable[[], bool]) -> Iterator[None]:
    """Has processes that multiprocessing starts anew put their reports into the mailbox with that path.

    `round_trip`: whether their pickles too.
    """
    from multiprocessing import spawn

    original = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {**original(name), "brine_pickle_guard": _Start(path, round_trip())}

    spawn.get_preparation_data = get_preparation_data
    try:
        yield
    finally:
        spawn.get_preparation_data = original
