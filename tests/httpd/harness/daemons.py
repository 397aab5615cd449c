"""Daemon processes as /proc and the error log show them, and requests that wait for the test."""

import ctypes
import os
import re
import threading

from . import processes
from .deadline import until

PR_SET_CHILD_SUBREAPER = 36
OBITUARY = re.compile(r"BRINE0610: process (?P<pid>\d+) of daemon group '(?P<group>[^']*)' ended: "
                      r"(?P<how>.*?); (?P<why>.*?); \d+ requests served; "
                      r"in progress: (?P<requests>.*?); peak memory")


def supervisors(server):
    """Children of httpd that have children: one, and those of earlier configurations."""
    return [pid for pid in server.children() if processes.children(pid)]


def workers(server):
    """All daemon processes whose supervisor lives."""
    return [pid for parent in supervisors(server) for pid in processes.children(parent)]


def obituaries(server, since=None):
    """What the lines BRINE0610 say, as matches of OBITUARY; waits for those of the processes that have gone."""
    def all_told():
        told = {int(OBITUARY.match(text)["pid"]) for text in server.log.texts("BRINE0610:", 0)}
        return not [pid for pid in starts(server, 0) if pid not in told and not os.path.exists(f"/proc/{pid}")]

    until(all_told, "a line BRINE0610 for each process that has gone")
    return [OBITUARY.match(text) for text in server.log.texts("BRINE0610:", since)]


def starts(server, since=None):
    """Pids of the processes that were started."""
    return [int(text.split()[2]) for text in server.log.texts("started process", since)]


def assert_no_loop(starts, seconds):
    """So many starts in vain are no loop: two may come at once, and the pauses between the next double from half a second on."""
    assert seconds >= 0.5 * (2 ** (starts - 2) - 1), f"{starts} starts in {seconds:.1f} s"


def adopt_orphans():
    """Processes whose parent has died become the test's: nobody else might reap them."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(server):
    """Ends what is left of such processes when they have died."""
    processes.reap_orphans(server.pid)


class Held:
    """A request that the application answers when the test says so; see apps/pid.wsgi."""

    def __init__(self, server, path="/app", name="release"):
        self.server, self.file = server, server.folder / "writable" / name
        self.answer = None
        self.thread = threading.Thread(target=self._ask, args=(path,))
        self.thread.start()

    def _ask(self, path):
        self.answer = self.server.get(f"{path}?hold={self.file}")

    def pid(self):
        """Waits until the application has it; returns its process."""
        mark = self.file.with_name(self.file.name + ".held")
        return int(until(lambda: mark.exists() and mark.read_text(), "the request is held"))

    def release(self):
        """Lets it go on; returns the answer."""
        self.file.touch()
        self.thread.join()
        return self.answer
