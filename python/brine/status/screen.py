"""Shows text in a terminal, and again when it has changed, until somebody presses q or Ctrl-C."""

import os
import select
import shutil
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_OTHER_SCREEN, _OWN_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _TO_END_OF_LINE, _TO_END = "\x1b[H", "\x1b[K", "\x1b[J"


def fitted(lines: list[str], columns: int, rows: int) -> list[str]:
    """What a terminal of this size can show."""
    return [line[:max(columns - 1, 1)] for line in lines[:max(rows - 1, 1)]]


@contextmanager
def _keys(descriptor: int) -> Iterator[None]:
    """Keys come one by one; the terminal is as it was afterwards."""
    before: Any = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    sys.stdout.write(_OTHER_SCREEN)
    try:
        yield
    finally:
        sys.stdout.write(_OWN_SCREEN)
        sys.stdout.flush()
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def show(look: Callable[[], list[str]], seconds: float) -> None:
    """Calls `look` for the text, each time that so many seconds are over."""
    descriptor = sys.stdin.fileno()
    with _keys(descriptor):
        while True:
            size = shutil.get_terminal_size()
            lines = fitted(look(), size.columns, size.lines)
            sys.stdout.write(_HOME + "".join(f"{line}{_TO_END_OF_LINE}\n" for line in lines) + _TO_END)
            sys.stdout.flush()
            ready, _, _ = select.select([descriptor], [], [], seconds)
            if ready and os.read(descriptor, 64)[:1] in (b"q", b"Q", b""):
                return
