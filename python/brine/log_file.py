"""Reading a log while it is being written."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TextIO, TypeVar

from brine.log_record import printable

T = TypeVar("T")

_LOOK_SECONDS = 0.2


class LogFile(Generic[T]):
    """Gives each complete line of a file once, as what `parse` makes of it; the file may come to be later."""

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._path = path
        self._parse = parse
        self._position = 0

    def skip(self) -> None:
        """Passes over what is there already."""
        with contextlib.suppress(FileNotFoundError):
            self._position = self._path.stat().st_size

    def new_records(self) -> list[T]:
        """What was written since the last call."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._position:  # it has been emptied, or is another one
                    self._position = 0
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        complete = data[:data.rfind(b"\n") + 1]
        self._position += len(complete)
        return [self._parse(line) for line in complete.splitlines() if line.strip()]


def tail(path: Path, count: int, follow: bool, output: TextIO) -> None:
    """Writes the last lines of a file, as a person may see them, and what comes after, until a signal ends that."""
    log = LogFile(path, lambda line: printable(line.decode(errors="replace")))
    lines = log.new_records()
    while True:
        for line in lines[-count:] if count else []:
            print(line, file=output)
        output.flush()
        if not follow:
            return
        time.sleep(_LOOK_SECONDS)
        lines = log.new_records()
        count = len(lines)
