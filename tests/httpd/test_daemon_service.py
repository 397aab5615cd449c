"""Groups with threads=0: a script that is no application, but runs beside them for as long as it likes."""

import os
import signal
import time

import pytest

from harness import daemons, groups, processes
from harness.deadline import SCALE, until

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

WORKS = """
import select, socket
pair = socket.socketpair()
try:
    note("works")
    {waits}
finally:
    time.sleep(0.3)  # what is left of its job
    note("done")
"""
HANDLES = """
import signal
told = threading.Event()

def handle(number, frame):
    note(f"handled-{{number:d}}")
    told.set()

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, handle)
note("works")
while True:
    told.clear()
    if "handled-15" in open({notes!r} + "/notes").read():
        break
    told.wait(3600)
"""
SWALLOWS = """
while True:
    try:
        note("works")
        time.sleep(3600)
    except SystemExit:
        note("swallowed")
"""
STEPS = """
try:
    note("works")
    while True:
        {step}
finally:
    note("done")
"""


class Service:
    """A server with one such group, and what its processes have noted down."""

    def __init__(self, start_httpd, folder, last="", time="30s", group="%{GLOBAL}"):
        self.notes = folder / "writable"
        last = last.format(notes=str(self.notes))
        (folder / "service.wsgi").write_text(SERVICE.format(notes=str(self.notes), last=last))
        self.server = start_httpd(
            groups.CONFIG + f"WSGIDaemonProcess site threads=0 graceful-timeout=0 shutdown-timeout={time}\n"
            f"WSGIImportScript {folder}/service.wsgi process-group=site application-group={group}\n"
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

    def exit_report(self, pid):
        """How it ended, and why."""
        found = until(lambda: [o for o in daemons.obituaries(self.server) if o["pid"] == str(pid)], "it is buried")
        return found[0]["how"], found[0]["why"]

    def at_work(self):
        """The pid of the first one, when it has come to `last`."""
        (self.notes / "finish").touch()
        return until(lambda: self.noted("works"), "it works")[0]


@pytest.fixture
def service(start_httpd, workspace):
    def start(last="", **options):
        return Service(start_httpd, workspace.new_folder(), last, **options)
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
    site = service(HOLDS_THE_GIL, time="1s")
    first = site.begun(1)
    (site.notes / "finish").touch()
    until(lambda: site.noted("holds"), "it holds the GIL")
    os.kill(first, signal.SIGUSR1)
    record, = site.server.expect_log("BRINE0610:")
    assert f"process {first} of" in record.text and "it did not leave in time and was killed" in record.text
    site.server.expect_log("BRINE0628:")
    assert site.begun(2) != first


def send(number):
    return lambda server, pid: os.kill(pid, number)


ENDS = {
    "stop": (lambda server, pid: server.stop(), "time.sleep(3600)", "shutdown"),
    "graceful": (lambda server, pid: server.reload(), "threading.Event().wait()", "graceful restart"),
    "usr1": (send(signal.SIGUSR1), "select.select([pair[0]], [], [])", "eviction"),
    "term": (send(signal.SIGTERM), "pair[0].recv(1)", "shutdown"),
    "term, computing": (send(signal.SIGTERM), "while True: pass", "shutdown"),
    "int": (send(signal.SIGINT), "threading.Semaphore(0).acquire(timeout=3600)", "shutdown"),
}


@pytest.mark.parametrize("way", ENDS)
def test_one_that_waits_is_woken_and_may_end_its_job(service, way):
    end, waits, reason = ENDS[way]
    site = service(WORKS.format(waits=waits))
    pid = site.at_work()
    told = time.monotonic()
    end(site.server, pid)
    until(lambda: pid in site.noted("ended"), "it ends")
    assert site.noted("done")[0] == pid
    assert site.times("done")[0] < site.times("ended")[0] < told + 10 * SCALE
    assert site.exit_report(pid) == ("exit code 0", f"reason: {reason}")
    if way != "stop":
        site.begun(2)


def test_an_orphan_may_end_its_job(service):
    daemons.adopt_orphans()
    site = service(WORKS.format(waits="time.sleep(3600)"))
    first = site.at_work()
    os.kill(daemons.supervisors(site.server)[0], signal.SIGKILL)
    site.server.expect_log("BRINE0620:")
    until(lambda: first in site.noted("done"), "it ends its job", 15)
    until(lambda: daemons.reap(site.server) or first not in processes.in_session(site.server.pid), "it ends")
    assert site.begun(2) != first


def test_its_own_handlers_are_called(service):
    site = service(HANDLES)
    first = site.at_work()

    def handled():
        # Python calls a handler between two of its steps: a signal that comes after the last look at them, and
        # before the system call of wait(), does not end that wait.
        os.kill(first, signal.SIGHUP)
        return site.noted("handled-1")

    assert set(until(handled, "it has SIGHUP for itself")) == {first}
    os.kill(first, signal.SIGTERM)
    until(lambda: first in site.noted("ended"), "it ends")
    assert first in site.noted("handled-15")
    assert site.exit_report(first) == ("exit code 0", "reason: shutdown")
    site.begun(2)


def test_its_handler_is_called_for_every_end_and_usr1_is_the_servers(service):
    site = service(HANDLES)
    first = site.at_work()
    os.kill(first, signal.SIGUSR1)
    until(lambda: first in site.noted("ended"), "it ends")
    assert first in site.noted("handled-15") and not site.noted("handled-10")
    site.server.expect_log("BRINE0204:.*SIGUSR1")
    assert not site.server.log.texts("BRINE0204:.*SIGTERM")


def test_one_that_goes_on_is_cut_off(service):
    site = service(SWALLOWS, time="10s")
    first = site.at_work()
    os.kill(first, signal.SIGTERM)
    record, = site.server.expect_log("BRINE0628:", seconds=30)  # 8 s after it was told
    assert f"process {first} of" in record.text and "'site'" in record.text
    site.server.allow_log("BRINE0610:|BRINE0628:")  # its successors do the same, and the test does not wait
    site.begun(2)
    assert first in site.noted("swallowed")
    assert first in site.noted("ended"), "exit callbacks are run all the same"


@pytest.mark.parametrize("step", ["time.sleep(0.02)", "pass"])
def test_one_in_a_sub_interpreter_is_told_at_its_next_step(service, step):
    site = service(STEPS.format(step=step), group="other")
    first = site.at_work()
    os.kill(first, signal.SIGTERM)
    until(lambda: first in site.noted("ended"), "it ends")
    assert first in site.noted("done")
    site.begun(2)


def test_sys_exit_is_an_end(service):
    site = service("import sys; sys.exit()")
    (site.notes / "finish").touch()
    site.begun(2)
    assert site.exit_report(site.noted("began")[0]) == ("exit code 0", "reason: finished")


def test_sys_exit_with_a_failure_says_so(service):
    site = service("import sys; sys.exit('no queue')")
    (site.notes / "finish").touch()
    site.begun(2)
    site.server.expect_log("BRINE0302:.*SystemExit: no queue")
    site.server.expect_log("BRINE0614:")
    site.server.allow_log("BRINE0302|Traceback|service.wsgi|sys.exit|SystemExit|BRINE0614")


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
    until(lambda: groups.Group(site.server).pids() == {site.begun(2)}, "its successor is taken for ready")


def test_it_serves_no_requests(service):
    site = service()
    site.begun(1)
    assert site.server.get("/app").status == 500
    record, = site.server.expect_log("BRINE0117:")
    assert "'site'" in record.text and "threads=0" in record.text
