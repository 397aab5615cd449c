"""Reading a log while it is being written."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class LogFile(Generic[T]):
    """Gives each complete line of a file once, as what `parse` makes of it; the file may come to be later."""

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._path = path
        self._parse = parse
        self._position = 0

    def new_records(self) -> list[T]:
        """What was written since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        complete = data[:data.rfind(b"\n") + 1]
        self._position += len(complete)
        return [self._parse(line) for line in complete.splitlines() if line.strip()]
