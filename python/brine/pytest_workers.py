"""Pickle hazards that are met in processes which a test starts: what a worker finds goes to the test's own process.

So do the pickles of which that is to make the round trip.

A process that is forked has the guard, and the file to write to, from the one that it was forked from. One that
multiprocessing starts anew (`spawn`, `forkserver`) gets both with the first thing that it is sent.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
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


class Mailbox:
    """A file in which workers leave their reports and pickles, for the process that has made it."""

    def __init__(self) -> None:
        file, self.path = tempfile.mkstemp(prefix="brine-pickle-")
        os.close(file)
        self._read = 0

    def take(self) -> list[Report | bytes]:
        """What has come since the last call."""
        data = Path(self.path).read_bytes()
        posted: list[Report | bytes] = []
        while self._read + _HEAD <= len(data):
            begin = self._read + _HEAD
            end = begin + int.from_bytes(data[self._read:begin], "little")
            if end > len(data):  # a worker ended while it wrote
                break
            posted.append(_pickle.loads(data[begin:end]))
            self._read = end
        return posted

    def close(self) -> None:
        """Workers that go on have nobody who hears them."""
        os.unlink(self.path)


def post(path: str, value: Report | bytes) -> None:
    """Leaves a report or a pickle, in one piece: other workers write there too."""
    data = _pickle.dumps(value)
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:  # the test has ended
        return
    try:
        os.write(file, len(data).to_bytes(_HEAD, "little") + data)
    finally:
        os.close(file)


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
