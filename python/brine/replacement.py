"""New processes for the script in the place of those that have imported what has changed since."""

import signal
import time

from brine.httpd_process import HttpdProcess, send

# A process that leaves is gone by then: it has WSGIDaemonProcess' shutdown-timeout, 5 s, for its requests.
_PATIENCE_SECONDS = 7


class Replacement:
    """Tells processes to leave, and ends those that do not hear it because their script hangs while it loads.

    httpd itself goes on. A graceful restart would leave one of its processes behind for each response that does not
    end, with all of that process's threads, and soon it would have no place for a new one.
    """

    def __init__(self, process: HttpdProcess) -> None:
        self._process = process
        self._leaving: dict[int, float] = {}

    def begin(self) -> set[int]:
        """Requests from now on wait for a new process; those in progress have some seconds to come to their end.
        Gives the processes that are to leave."""
        told = self._process.daemon_processes() - self._leaving.keys()
        for process in told:
            self._leaving[process] = time.monotonic() + _PATIENCE_SECONDS
            send(process, signal.SIGTERM)
        return told

    def tend(self) -> None:
        """Called often."""
        if not self._leaving:
            return
        there = self._process.daemon_processes()
        now = time.monotonic()
        for process, deadline in list(self._leaving.items()):
            if process not in there:
                del self._leaving[process]
            elif now >= deadline:
                send(process, signal.SIGKILL)
