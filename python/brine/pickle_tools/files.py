"""The files that `brine pickle scan` is told to look at: single ones, standard input, and what is in folders."""

import io
import os
import select
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from brine.pickle_tools.containers import BLOCK, Budget, Part
from brine.pickle_tools.result import Failure, Result
from brine.pickle_tools.scanning import Scan

STDIN = "<stdin>"
"""What standard input is called in a report."""
_NO_FILES = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
_PATIENCE = 10.0
"""Seconds for which a pipe that was named is waited for, until somebody writes to it."""


@dataclass(frozen=True)
class Listed:
    """A file that is to be read, or why it cannot be."""

    path: str
    named: bool
    """On the command line, and not found in a folder."""
    failure: Failure | None = None


def listed(path: str) -> Iterator[Listed]:
    """A file, or all files of a folder in the order of their names. Links are followed, each folder is read once."""
    if path == "-" or not os.path.isdir(path):
        yield Listed(path, True)
        return
    failures: list[Listed] = []
    seen: set[tuple[int, int]] = set()

    def failed(error: OSError) -> None:
        failures.append(Listed(str(error.filename), True, system(error)))

    for folder, folders, files in os.walk(path, onerror=failed, followlinks=True):
        try:
            about = os.stat(folder)
        except OSError as error:  # it is gone
            failed(error)
            folders.clear()
            continue
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders.sort()
        yield from (Listed(os.path.join(folder, file), False) for file in sorted(files))
    yield from failures


def system(error: OSError) -> Failure:
    """What the system says of a file."""
    return Failure(f"cannot be read: {error.strerror or error}")


def scan_file(each: Listed, allow: list[str], limit: int) -> Result:
    """What is in a file."""
    name = STDIN if each.path == "-" else each.path
    if each.failure:
        return Result(name, failures=[each.failure])
    scan = Scan(name, allow, limit)
    try:
        if each.path == "-":
            _scan_stream(scan, sys.stdin.fileno(), limit, True)
        else:
            _scan_path(scan, each, limit)
    except OSError as error:
        return Result(name, failures=[system(error)])
    except ValueError as error:  # a path with a null character
        return Result(name, failures=[Failure(f"cannot be read: {error}")])
    return scan.result()


def _scan_path(scan: Scan, each: Listed, limit: int) -> None:
    mode = os.stat(each.path).st_mode
    what = _NO_FILES.get(stat.S_IFMT(mode))
    if what and not each.named or stat.S_ISSOCK(mode):  # also to open a device may do something
        scan.fail(f"is {what}, of which nothing was read")
        return
    with _opened(each.path) as stream:  # whether it may be read at all
        about = os.fstat(stream.fileno())
        if stat.S_ISREG(about.st_mode):
            part = Part("", lambda: _opened(each.path), Budget(about.st_size, limit), path=each.path)
            scan.part(part, each.named)
        elif stat.S_ISFIFO(about.st_mode) and not _has_writer(stream.fileno()):
            scan.fail(f"is a pipe to which nobody has written for {_PATIENCE:.0f} seconds")
        else:
            _scan_stream(scan, stream.fileno(), limit, True)


def _opened(path: str) -> io.FileIO:
    """A file for reading. Opening a pipe would wait for its writer, also where one has just taken a file's place."""
    return open(path, "rb", buffering=0,
                opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY))


def _has_writer(pipe: int) -> bool:
    """Waits for a pipe's first bytes; from then on, reading from it waits."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if not poll.poll(_PATIENCE * 1000):
        try:
            os.read(pipe, 1)
            return False
        except BlockingIOError:  # there is a slow one
            pass
    os.set_blocking(pipe, True)
    return True


def _scan_stream(scan: Scan, descriptor: int, limit: int, named: bool) -> None:
    """What can be read once: a copy of it is read, of one byte more than the limit, so that it shows to be longer."""
    with tempfile.NamedTemporaryFile() as copy:
        size = 0
        while size <= limit and (block := os.read(descriptor, min(BLOCK, limit + 1 - size))):
            size += copy.write(block)
        copy.flush()
        scan.part(Part("", lambda: open(copy.name, "rb", buffering=0), Budget(size, limit)), named)
