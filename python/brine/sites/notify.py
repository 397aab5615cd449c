"""What a service tells systemd, or whoever started it: lines to a socket that NOTIFY_SOCKET names (sd_notify(3))."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from brine.refusal import Refusal


class Notifier:
    """Tells, where somebody listens. What the service starts does not inherit the address."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        period = os.environ.pop("WATCHDOG_USEC", "")
        os.environ.pop("WATCHDOG_PID", None)
        self._period = int(period) / 1e6 / 3 if period.isdigit() else 0.0
        self._due = 0.0

    def tell(self, *lines: str) -> None:
        """Such as "READY=1", or "STATUS=" and a sentence."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            with contextlib.suppress(OSError):  # nobody listens any more
                sender.sendto("\n".join(lines).encode(), address)

    def sign_is_due(self) -> bool:
        """Whether it is time for a sign of life, of which the watchdog wants three in its time."""
        return self._period > 0 and time.monotonic() >= self._due

    def tell_of_life(self) -> None:
        """A sign of life."""
        self.tell("WATCHDOG=1")
        self._due = time.monotonic() + self._period


class Listener:
    """The other end: hears one service."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(self.address)
        except OSError as error:
            self._socket.close()
            raise Refusal(f"{self.address} cannot be a socket ({error}): set TMPDIR to a folder whose name is "
                          "shorter.") from None
        self._socket.settimeout(0.1)

    def heard(self) -> list[str]:
        """The lines that came within a moment."""
        try:
            return self._socket.recv(4096).decode(errors="replace").splitlines()
        except TimeoutError:
            return []

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[Listener]:
    """A listener in a private folder."""
    listener = Listener(folder)
    try:
        yield listener
    finally:
        listener.close()
