"""Ctrl-C, SIGTERM, SIGHUP and SIGQUIT as something to wait for; SIGUSR1, and SIGUSR2, end nothing."""

import signal
import socket
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_OF_PROCESSES = (signal.SIGUSR1, signal.SIGUSR2)


class StopSignal:
    """While it is entered, the signals that end a program set it instead."""

    renewals = 0
    """How often SIGUSR1 has come, which asks httpd for a graceful restart."""

    def __enter__(self) -> "StopSignal":
        self.count = 0
        # The interpreter writes to this pair when a signal comes, so that `wait` wakes at once.
        self._wake, self._ear = socket.socketpair()
        for end in (self._wake, self._ear):
            end.setblocking(False)
        self._old_wake = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._old_handlers = {number: signal.signal(number, self._note) for number in _SIGNALS}
        self._old_handlers |= {number: signal.signal(number, self._note_renewal) for number in _OF_PROCESSES}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wake)
        self._wake.close()
        self._ear.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        # The last is as two of the others: it leaves nobody any time.
        self.count += 2 if number == signal.SIGQUIT else 1

    def _note_renewal(self, number: int, frame: FrameType | None) -> None:
        self.renewals += number == signal.SIGUSR1

    def wait(self, seconds: float) -> bool:
        """Waits until a signal comes, or that long; whether one has ever come."""
        if not self.count:
            self._ear.settimeout(seconds)
            try:
                self._ear.recv(64)
            except TimeoutError:
                pass
        return self.count > 0
