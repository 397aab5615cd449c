"""Which Python files under a folder have changed: the eyes of `brine serve --reload`."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from brine.file_events import FileEvents, file_events

# With events, too: folders that come over a network or from a virtual machine's host tell none.
_LOOK_SECONDS = {False: 0.5, True: 5}

_Stamp = tuple[int, int, int]
_UNINTERESTING = {"__pycache__", "node_modules", "site-packages"}


def _python_files(folder: Path) -> Iterator[Path]:
    """Every .py file below the folder, but not in hidden folders and virtual environments."""
    for place, folders, files in os.walk(folder):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = [name for name in folders if name not in _UNINTERESTING and not name.startswith(".")]
        yield from (Path(place, name) for name in files if name.endswith(".py"))


class Watcher:
    """Compares what is there with what was there at the last look."""

    def __init__(self, folder: Path, script: Path) -> None:
        """The script itself is left out: Brine's own reloader watches it."""
        self._folder = folder
        self._script = script
        self._seen = self._look()
        self._events: FileEvents | None = None
        self._next_look = time.monotonic()

    def listen(self) -> None:
        """From now on the system tells when it is time to look, where it can."""
        self._events = file_events(self._folder)

    def close(self) -> None:
        """Listens no more."""
        if self._events:
            self._events.close()

    def due(self) -> bool:
        """Whether there may be something to see."""
        return self._events is not None and self._events.came() or time.monotonic() >= self._next_look

    def changed(self) -> list[Path]:
        """Files that came, went or were written since the last call, sorted."""
        now = self._look()
        self._next_look = time.monotonic() + _LOOK_SECONDS[self._events is not None]
        different = set(self._seen.items()) ^ set(now.items())
        self._seen = now
        return sorted({path for path, _ in different})

    def _look(self) -> dict[Path, _Stamp]:
        stamps = {}
        for path in _python_files(self._folder):
            try:
                status = path.stat()
            except OSError:
                continue  # it went away between the two calls
            if path != self._script:
                stamps[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return stamps
