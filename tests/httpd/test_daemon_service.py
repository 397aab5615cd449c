"""Groups with threads=0: a script that is no application, but runs beside them for as long as it likes."""

import os
import signal

import pytest

from harness import daemons, groups, processes
from harness.deadline import until

pytestmark = pytest.mark.modes("groups")

SERVICE = """
import atexit, os, threading, time

def note(what):
    with open({notes!r} + "/notes", "a") as file:
        file.write(f"{{what}} {{os.getpid()}} {{time.monotonic()}}\\n")

note("began" if threading.current_thread() is threading.main_thread() else "began elsewhere")
atexit.register(note, "ended")
atexit.register(time.sleep, 0.5)  # comes first: its end takes time
while not os.path.exists({notes!r} + "/finish"):
    time.sleep(0.02)
{last}
"""
HOLDS_THE_GIL = """
import ctypes
libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
note("holds")
libc.pthread_mutex_lock(mutex)
"""


class Service:
    """A server with one such group, and what its processes have noted down."""

    def __init__(self, start_httpd, folder, last=""):
        self.notes = folder / "writable"
        (folder / "service.wsgi").write_text(SERVICE.format(notes=str(self.notes), last=last))
        self.server = start_httpd(
            groups.CONFIG + "WSGIDaemonProcess site threads=0 graceful-timeout=0 shutdown-timeout=1s\n"
            f"WSGIImportScript {folder}/service.wsgi process-group=site application-group=%{{GLOBAL}}\n"
            "WSGIScriptAlias /app {apps}/hello.wsgi process-group=site\n"
            "WSGIDaemonProcess other threads=2\n"
            "WSGIScriptAlias /other {apps}/pid.wsgi process-group=other\n")

    def noted(self, what, field=1, kind=int):
        """Pids of those that noted this, in their order."""
        path = self.notes / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [kind(line.split()[field]) for line in lines if line.split()[0] == what]

    def times(self, what):
        """When they noted it, in seconds of the monotonic clock."""
        return self.noted(what, 2, float)

    def begun(self, count):
        """The pid of the last one, when so many have begun."""
        until(lambda: len(self.noted("began")) >= count, f"number {count} has begun", 15)
        return self.noted("began")[-1]


@pytest.fixture
def service(start_httpd, workspace):
    def start(last=""):
        return Service(start_httpd, workspace.new_folder(), last)
    return start


def test_it_runs_in_the_main_thread_until_httpd_ends(service):
    site = service()
    pid = site.begun(1)
    assert site.server.stop() == []
    assert site.noted("began") == site.noted("ended") == [pid]


def test_a_killed_one_is_replaced(service):
    site = service()
    first = site.begun(1)
    os.kill(first, signal.SIGKILL)
    record, = site.server.expect_log("BRINE0610:")
    assert f"process {first} of" in record.text and "SIGKILL" in record.text
    assert site.begun(2) != first


def test_one_that_returns_is_started_again_but_not_in_a_loop(service):
    site = service()
    site.begun(1)
    (site.notes / "finish").touch()
    site.begun(4)
    assert daemons.obituaries(site.server)[0]["why"] == "reason: finished"
    first, second, third, fourth = site.times("began")[:4]
    assert second - first > 0.4 and third - second > 0.9 and fourth - third > 1.9


def test_one_that_fails_says_so(service):
    site = service("raise LookupError('no queue')")
    (site.notes / "finish").touch()
    site.begun(2)
    site.server.expect_log("LookupError: no queue")
    site.server.expect_log("BRINE0614:")
    site.server.allow_log("BRINE0301|Traceback|service.wsgi|raise Lookup|LookupError|BRINE0614")


def test_a_graceful_restart_replaces_it(service):
    site = service()
    first = site.begun(1)
    site.server.reload()
    assert site.begun(2) != first
    until(lambda: first in site.noted("ended"), "the old one ends", 15)


def test_a_graceful_restart_ends_it_though_others_finish_their_requests(service):
    site = service()
    first = site.begun(1)
    held = daemons.Held(site.server, "/other")
    held.pid()
    site.server.reload()
    until(lambda: first in site.noted("ended"), "the old one ends")
    assert site.begun(2) != first
    assert held.release().status == 200


def test_its_successor_waits_for_its_end(service):
    site = service()
    first = site.begun(1)
    os.kill(first, signal.SIGUSR1)
    assert site.begun(2) != first
    ended, = until(lambda: site.times("ended"), "the old one ends")
    assert ended < site.times("began")[1]


def test_one_that_does_not_end_is_killed(service):
    site = service(HOLDS_THE_GIL)
    first = site.begun(1)
    (site.notes / "finish").touch()
    until(lambda: site.noted("holds"), "it holds the GIL")
    os.kill(first, signal.SIGUSR1)
    record, = site.server.expect_log("BRINE0610:")
    assert f"process {first} of" in record.text and "it did not leave in time and was killed" in record.text
    assert site.begun(2) != first


def test_after_the_supervisors_death_a_new_one_takes_over(service):
    daemons.adopt_orphans()
    site = service()
    first = site.begun(1)
    supervisor, = daemons.supervisors(site.server)
    os.kill(supervisor, signal.SIGKILL)
    site.server.expect_log("BRINE0620:")
    assert site.begun(2) != first
    until(lambda: first in site.noted("ended"), "the old one ends", 15)
    until(lambda: daemons.reap(site.server) or first not in processes.in_session(site.server.pid),
          "nothing is left of it")
    assert groups.Group(site.server).pids() == {site.begun(2)}


def test_it_serves_no_requests(service):
    site = service()
    site.begun(1)
    assert site.server.get("/app").status == 500
    record, = site.server.expect_log("BRINE0117:")
    assert "'site'" in record.text and "threads=0" in record.text
