"""Pickle hazards that are met in processes which a test starts: what a worker finds goes to the test's own process.

A process that is forked has the guard, and the file to write to, from the one that it was forked from. One that
multiprocessing starts anew (`spawn`, `forkserver`) gets both with the first thing that it is sent.
"""

import importlib
import os
import sys
import tempfile
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
brine.pytest_workers.start({mailbox!r})
"""


class Mailbox:
    """A file in which workers leave their reports, for the process that has made it."""

    def __init__(self) -> None:
        file, self.path = tempfile.mkstemp(prefix="brine-pickle-")
        os.close(file)
        self._read = 0

    def take(self) -> list[Report]:
        """What has come since the last call."""
        data = Path(self.path).read_bytes()
        reports: list[Report] = []
        while self._read + _HEAD <= len(data):
            begin = self._read + _HEAD
            end = begin + int.from_bytes(data[self._read:begin], "little")
            if end > len(data):  # a worker ended while it wrote
                break
            reports.append(_pickle.loads(data[begin:end]))
            self._read = end
        return reports

    def close(self) -> None:
        """Workers that go on have nobody who hears them."""
        os.unlink(self.path)


def post(path: str, report: Report) -> None:
    """Leaves a report, in one piece: other workers write there too."""
    data = _pickle.dumps(report)
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


def start(path: str) -> None:
    """Called in a process that multiprocessing has started anew, before it gets its work."""
    install("Report")
    # Its Pickler derives from the one that pickle had when it was imported.
    importlib.reload(importlib.import_module("multiprocessing.reduction"))
    _react.collectors.append(_Posting(path))
    _guard.set_collecting(True)


class _Start:
    """Is pickled as a call of start(): to load it is to have it called."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        paths = [each for each in sys.path if isinstance(each, str)]
        return exec, (_START.format(paths=paths, mailbox=self._path),)


@contextmanager
def starting_guarded(path: str) -> Iterator[None]:
    """Has processes that multiprocessing starts anew put their reports into the mailbox with that path."""
    from multiprocessing import spawn

    original = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {**original(name), "brine_pickle_guard": _Start(path)}

    spawn.get_preparation_data = get_preparation_data
    try:
        yield
    finally:
        spawn.get_preparation_data = original
