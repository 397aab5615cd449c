"""How far a command has come, for somebody who waits at a terminal."""

import sys
import time
from types import TracebackType

_WIDTH = 20
_PAUSE = 0.1


class Progress:
    """A line on standard error that is written over and over; nothing where that is no terminal."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._last = total, 0, 0.0
        self._shows = total > 1 and sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def step(self, name: str) -> None:
        """Another file is being read."""
        if self._shows and time.monotonic() - self._last >= _PAUSE:
            self._last = time.monotonic()
            bar = "#" * (_WIDTH * self._done // self._total)
            print(f"\r\x1b[K[{bar:.<{_WIDTH}}] {self._done}/{self._total} {name[-40:]}", end="", file=sys.stderr,
                  flush=True)
        self._done += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
