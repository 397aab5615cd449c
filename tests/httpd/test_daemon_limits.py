"""Timeouts and limits of a daemon group: for each, what the client gets, what the log says, what
becomes of the process, and the counter on httpd's status page."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from harness import daemons, groups
from harness.deadline import SCALE, in_time, until

pytestmark = pytest.mark.modes("groups")

CONFIG = groups.CONFIG + "WSGIDaemonProcess site\nWSGIScriptAlias /app {apps}/hello.wsgi process-group=site\n"
LATE = 1  # what an answer may be late, in seconds of a machine that has time


@pytest.fixture
def site(start_httpd):
    """`site("threads=1 ...")` starts a server with a group of these options: (server, group)."""
    def start(options, script="{apps}/daemon_limits.wsgi", more=""):
        server = start_httpd(
            groups.CONFIG + f"WSGIDaemonProcess site {options}\n"
            f"WSGIScriptAlias /app {script} process-group=site application-group=%{{GLOBAL}}\n" + more)
        if "shutdown-timeout=500ms" in options:  # is short for one that is starting, or on a busy machine, when the test ends
            server.allow_log("BRINE0610: .*reason: shutdown, but it did not leave in time and was killed")
        return server, groups.Group(server)
    return start


def ready(group, processes=1):
    return until(lambda: (pids := group.pids()) and len(pids) == processes and pids, "it is ready")


def ms(number):
    """A time that a healthy process has to keep up with: longer where the machine is slow."""
    return f"{number * SCALE:g}ms"


def took_its_time(took, seconds):
    """It took so long, and little longer."""
    assert took >= seconds
    in_time(took - seconds, LATE, f"what is due after {seconds:g} s")


def timed(ask, *args, **headers):
    """(the answer, how long it took)."""
    begun = time.monotonic()
    answer = ask(*args, **headers)
    return answer, time.monotonic() - begun


@contextmanager
def running(server, *paths):
    """Requests on the way, each on a thread; gives their futures, and waits for them at the end."""
    with ThreadPoolExecutor(len(paths)) as pool:
        yield [pool.submit(timed, server.get, path) for path in paths]


def in_flight(group, count):
    """Waits until threads have taken up so many: the group's first ones, or none."""
    until(lambda: group.count("in-flight") == count and group.count("busy") == count,
          f"{count} requests are in flight")


@contextmanager
def held(server, group, count=1):
    """So many requests under way, until the end of the block or until it calls what is given to it."""
    hold = server.folder / "hold"
    hold.write_text("")
    with ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(server.get, "/app/until_gone", X_File=str(hold)) for _ in range(count)]
        try:
            in_flight(group, count)
            yield lambda: hold.unlink(missing_ok=True)
        finally:
            hold.unlink(missing_ok=True)
        assert all(answer.result().status == 200 for answer in answers)


def replaced(group, old, seconds=10):
    """Waits until another process has taken the place of `old`; returns its pid."""
    return until(lambda: (pids := group.pids()) and old not in pids and pids.pop(), "a new process",
                 seconds)


def gone(pid, seconds=10):
    def ended():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False
    until(ended, f"process {pid} ends", seconds)


def exit_report(server, pid):
    record, = [record for record in server.expect_log(f"BRINE0610: process {pid} ")]
    return record.text


# --- queue-timeout, connect-timeout, listen-backlog --------------------------------------------------


@pytest.mark.parametrize("processes", [1, 2])
def test_queue_timeout_behind_busy_threads(site, processes):
    server, group = site(f"processes={processes} threads=1 queue-timeout={ms(400)}")
    ready(group, processes)
    with held(server, group, processes):
        answer, took = timed(server.get, "/app/pid")
        assert answer.status == 504
        took_its_time(took, 0.4 * SCALE)
    record, = server.expect_log("BRINE0602")
    assert "no thread of daemon group 'site' was free" in record.text
    assert f"{400 * SCALE:g} ms (queue-timeout)" in record.text
    assert group.count("queue-timeout") == 1
    assert server.get("/app/pid").status == 200


SLOW = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'slow']\n"
SLOW_IMPORT = "import time\ntime.sleep({})\n" + SLOW


@pytest.fixture
def slow_script(workspace):
    """A script whose import takes long: `slow_script(seconds)`."""
    def write(seconds):
        path = workspace.new_folder() / "scripts" / "slow.wsgi"
        path.write_text(SLOW_IMPORT.format(seconds))
        return path
    return write


HELD_IMPORT = "import os, time\nwhile not os.path.exists({!r}):\n    time.sleep(0.02)\n" + SLOW


@pytest.fixture
def held_script(workspace):
    """A script whose import waits for a file: (the script, that file)."""
    folder = workspace.new_folder()
    path, gate = folder / "scripts" / "held.wsgi", folder / "writable" / "gate"
    path.write_text(HELD_IMPORT.format(str(gate)))
    return path, gate


def test_queue_timeout_while_no_process_is_ready(site, held_script):
    script, gate = held_script
    server, group = site("queue-timeout=300ms", script)
    answer, took = timed(server.get, "/app")
    assert answer.status == 504
    took_its_time(took, 0.3)
    server.expect_log("BRINE0602: no process of daemon group 'site' was ready .* 300 ms .queue-timeout")
    assert group.count("queue-timeout") == 1
    gate.touch()


def test_connect_timeout(site, held_script):
    script, gate = held_script
    server, group = site(f"connect-timeout={ms(300)}", script)
    answer, took = timed(server.get, "/app")
    assert answer.status == 503 and answer.header("Retry-After")
    took_its_time(took, 0.3 * SCALE)
    record, = server.expect_log("BRINE0601")
    assert f"{300 * SCALE:g} ms (connect-timeout)" in record.text
    assert group.count("not-ready") == 1
    gate.touch()
    ready(group)
    assert server.get("/app").body == b"slow"


def test_connect_timeout_0_waits_as_long_as_it_takes(site, slow_script):
    server, group = site("connect-timeout=0", slow_script(1))
    assert server.get("/app").body == b"slow"
    assert group.count("not-ready") == 0


def test_a_crowd_that_waited_for_the_first_process_is_served(site, slow_script):
    """listen-backlog limits who waits behind others; at a start nobody is before them."""
    server, group = site("threads=1 listen-backlog=2", slow_script(SCALE))
    with running(server, *["/app"] * 12) as crowd:
        answers = [future.result()[0] for future in crowd]
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"slow")}
    assert group.count("overfull") == 0


@pytest.mark.parametrize("processes, backlog", [(1, 3), (2, 3), (1, 0)])
def test_listen_backlog_lets_exactly_so_many_wait(site, processes, backlog):
    server, group = site(f"processes={processes} threads=1 listen-backlog={backlog}")
    ready(group, processes)
    more = []
    with held(server, group, processes) as release, ThreadPoolExecutor(8) as pool:
        for number in range(1, 9):  # one after another: of those that come at once to several processes, more may wait
            more.append(pool.submit(server.get, "/app/pid"))
            until(lambda: group.count("waiting") + sum(each.done() for each in more) == number, "it waits or is refused")  # noqa: B023
        assert sum(each.done() for each in more) == 8 - backlog
        release()
        answers = [each.result() for each in more]
    refused = [answer for answer in answers if answer.status == 503]
    assert len(answers) - len(refused) == backlog
    assert {answer.status for answer in answers} <= {200, 503}
    assert all(answer.header("Retry-After") for answer in refused)
    server.expect_log("BRINE0606", count=8 - backlog)
    assert group.count("overfull") == 8 - backlog


# --- request-timeout ---------------------------------------------------------------------------------


def test_request_timeout(site, workspace):
    """504 at the deadline, RequestTimeout in the application, a warning with the stack at half."""
    server, group = site(f"threads=2 request-timeout={ms(800)}")
    pid, = ready(group)
    note = server.folder / "writable" / "note"
    with running(server, "/app/sleep?0.4") as others:
        answer, took = timed(server.get, "/app/python?9", **{"X-Note": str(note)})
        assert others[0].result()[0].body == str(pid).encode()
    assert answer.status == 504
    took_its_time(took, 0.8 * SCALE)
    server.expect_log("BRINE0408")
    until(lambda: note.exists() and note.read_text() == "mod_wsgi.RequestTimeout", "it is interrupted")
    warning = server.expect_log("BRINE0607: ")
    assert any(re.search(rf"'GET /app/python' \(id \S+\) in process {pid}", record.text) for record in warning)
    stack = "\n".join(record.text for record in server.expect_log(r"BRINE0607\|"))
    assert re.search(r"daemon_limits\.wsgi.*in wait", stack), stack
    record, = server.expect_log("BRINE0608")
    assert "'GET /app/python'" in record.text and f"after {800 * SCALE:g} ms" in record.text
    assert replaced(group, pid) != pid
    gone(pid)
    assert group.count("request-timeout") == 1 and group.count("shutdown-timeout") == 0


def test_request_timeout_of_a_call_that_cannot_be_interrupted(site):
    """The client has its 504 all the same; the process ends after graceful- and shutdown-timeout,
    and what else it serves ends in peace."""
    server, group = site("threads=2 request-timeout=400ms graceful-timeout=400ms shutdown-timeout=500ms")
    pid, = ready(group)
    answer, took = timed(server.get, "/app/sleep?30")
    assert answer.status == 504
    took_its_time(took, 0.4)
    server.expect_log("BRINE060[78]", count=2)
    assert replaced(group, pid) != pid
    gone(pid)
    text = exit_report(server, pid)
    assert "reason: request-timeout" in text and "'GET /app/sleep' (id " in text
    counters = group.counters()
    assert (counters["request-timeout"], counters["graceful-timeout"]) == (1, 1)
    assert counters["deaths"] == 0


def test_interrupt_timeout_spares_the_process(site):
    server, group = site(f"threads=2 request-timeout={ms(500)} interrupt-timeout={ms(5000)}")
    pid, = ready(group)
    note = server.folder / "writable" / "note"
    answer, took = timed(server.get, "/app/python?9", **{"X-Note": str(note)})
    assert answer.status == 504
    took_its_time(took, 0.5 * SCALE)
    server.expect_log("BRINE060[78]", count=2)
    server.expect_log("BRINE0408")
    in_flight(group, 0)
    for _ in range(4):
        assert server.get("/app/pid").body == str(pid).encode()
    assert group.pids() == {pid} and group.count("request-timeout") == 1


def test_interrupt_timeout_is_over(site):
    server, group = site("threads=2 request-timeout=300ms interrupt-timeout=300ms graceful-timeout=5s")
    pid, = ready(group)
    assert server.get("/app/caught?1").status == 504
    server.expect_log("BRINE060[78]", count=2)
    assert replaced(group, pid) != pid
    gone(pid)


def test_request_timeout_after_the_headers(site):
    server, group = site(f"threads=2 request-timeout={ms(500)} interrupt-timeout={ms(5000)}")
    ready(group)
    answer, took = timed(server.get, "/app/stream?9")
    assert answer.status == 200 and answer.body == b"first" and not answer.complete
    took_its_time(took, 0.5 * SCALE)
    server.expect_log("BRINE060[78]", count=2)
    server.expect_log("BRINE0408")
    counters = group.counters()
    assert counters["request-timeout"] == 1
    assert counters["crashed"] == 0, "no process has crashed"


# --- startup-timeout, socket-timeout, deadlock-timeout -----------------------------------------------


def test_startup_timeout(site, slow_script):
    """Killed, with the stack of the import; the next ones wait longer and longer."""
    began = time.monotonic()
    server, group = site(f"startup-timeout={500 * SCALE:g}ms connect-timeout=300ms", slow_script(60))
    records = server.expect_log("BRINE0610: ", count=2, seconds=8)
    assert all("SIGABRT" in record.text and "reason: startup-timeout" in record.text
               for record in records)
    server.expect_log(r"BRINE0610\|.*slow\.wsgi")
    server.allow_log(r"BRINE0610\|")
    until(lambda: len(daemons.starts(server)) >= 5, "five have been started", 20)
    waited = 0.5 + 1 + 2  # after the first failure not at all
    assert time.monotonic() - began > 4 * 0.5 * SCALE + waited
    assert group.count("startup-timeout") >= 4
    assert server.get("/app").status == 503
    server.expect_log("BRINE0601")


def test_socket_timeout(site):
    server, group = site(f"threads=2 socket-timeout={ms(500)}")
    ready(group)
    answer, took = timed(server.get, f"/app/sleep?{1.5 * SCALE}")
    assert answer.status == 504
    took_its_time(took, 0.5 * SCALE)
    record, = server.expect_log("BRINE0604")
    assert f"{500 * SCALE:g} ms" in record.text
    assert group.count("socket-timeout") == 1
    in_flight(group, 0)
    assert server.get("/app/pid").status == 200


@pytest.mark.parametrize("interpreter", ["%{GLOBAL}", "other"])
def test_deadlock_timeout(site, interpreter):
    server, group = site(f"processes=2 threads=2 deadlock-timeout={ms(1000)}", more="<Location /app/hold>\n"
                         f"WSGIApplicationGroup {interpreter}\n</Location>\n"
                         "WSGIScriptAlias /own {apps}/daemon_limits.wsgi process-group=site\n"
                         f"<Location /own>\nWSGIApplicationGroup {interpreter}\n</Location>\n")
    both = ready(group, 2)
    begun = time.monotonic()
    with running(server, "/own/hold") as stuck:
        assert stuck[0].result()[0].status == 502
    in_time(time.monotonic() - begun, 6, "the end of the process that hangs")
    server.expect_log("BRINE0603")
    record, = server.expect_log("BRINE0610: ")
    assert "SIGABRT" in record.text and "reason: deadlock-timeout" in record.text
    assert "'GET /own/hold' (id " in record.text
    if interpreter == "%{GLOBAL}":  # faulthandler writes the main interpreter's stacks alone
        server.expect_log(r"BRINE0610\|.*daemon_limits\.wsgi")
    server.allow_log(r"BRINE0610\|")
    pids = until(lambda: len(pids := group.pids()) == 2 and pids != both and pids, "its successor is ready")
    survivor, = both & pids
    assert server.get("/app/pid").status == 200 and survivor in group.pids()
    assert group.count("deadlock-timeout") == 1


@pytest.mark.parametrize("timeout", [300, 1000])
def test_deadlock_timeout_leaves_a_healthy_process_alone(site, timeout):
    server, group = site(f"deadlock-timeout={ms(timeout)}")
    pid, = ready(group)
    with running(server, f"/app/sleep?{2.5 * SCALE}") as busy:
        assert busy[0].result()[0].body == str(pid).encode()
    assert group.count("deadlock-timeout") == 0


# --- replacement -------------------------------------------------------------------------------------


def test_inactivity_timeout(site):
    server, group = site("inactivity-timeout=800ms", more="WSGIScriptAlias /probe {apps}/hello.wsgi "
                         "process-group=site\n<Location /probe>\nWSGIIgnoreActivity On\n</Location>\n")
    pid = int(server.get("/app/pid").body)

    def ask():
        assert server.get("/probe").status == 200
        return pid not in group.pids() and group.pids()

    until(ask, "it is replaced, although it is probed", 6)
    assert group.count("inactivity-timeout") >= 1
    gone(pid)


def test_restart_interval(site):
    server, group = site("restart-interval=700ms")
    pid, = ready(group)
    replaced(group, pid)
    gone(pid)
    assert group.count("restart-interval") >= 1


def test_maximum_requests(site):
    server, group = site("maximum-requests=5")
    pid, = ready(group)
    answers = [server.get("/app/pid") for _ in range(5)]
    assert {answer.body for answer in answers} == {str(pid).encode()}
    replaced(group, pid)
    gone(pid)
    assert server.get("/app/pid").status == 200
    assert group.count("maximum-requests") == 1


def test_graceful_timeout(site):
    """What still runs when it is over is ended with the process."""
    server, group = site("threads=2 maximum-requests=1 graceful-timeout=400ms shutdown-timeout=500ms")
    pid, = ready(group)
    with running(server, "/app/sleep?20") as stuck:
        in_flight(group, 1)
        server.get("/app/pid")
        gone(pid)
        assert stuck[0].result()[0].status == 502
    server.expect_log("BRINE0603")
    text = exit_report(server, pid)
    assert "reason: maximum-requests" in text and "'GET /app/sleep'" in text
    assert group.count("graceful-timeout") == 1


def test_eviction_timeout(site):
    server, group = site("threads=2 eviction-timeout=400ms graceful-timeout=60s shutdown-timeout=500ms")
    pid, = ready(group)
    with running(server, "/app/sleep?20") as stuck:
        in_flight(group, 1)
        os.kill(pid, signal.SIGUSR1)
        replaced(group, pid)
        gone(pid)
        assert stuck[0].result()[0].status == 502
    server.expect_log("BRINE0603")
    assert "reason: eviction" in exit_report(server, pid)
    assert group.count("eviction") == 1 and group.count("graceful-timeout") == 1


def test_eviction_of_an_idle_process(site):
    server, group = site("threads=2")
    pid, = ready(group)
    os.kill(pid, signal.SIGUSR1)
    replaced(group, pid)
    gone(pid)
    assert group.count("eviction") == 1


def test_shutdown_timeout_with_a_stuck_request(site):
    server, group = site("threads=2 shutdown-timeout=500ms")
    pid, = ready(group)
    with running(server, "/app/sleep?20") as stuck:
        in_flight(group, 1)
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        gone(pid)
        in_time(time.monotonic() - begun, 0.5 + LATE, "the end of the process")
        assert stuck[0].result()[0].status == 502
    server.expect_log("BRINE0603")
    text = exit_report(server, pid)
    assert "reason: shutdown" in text and "'GET /app/sleep' (id " in text
    assert replaced(group, pid) != pid


def test_shutdown_timeout_with_a_callback_that_never_ends(site):
    server, group = site("threads=2 shutdown-timeout=500ms")
    pid, = ready(group)
    assert server.get("/app/late").status == 200
    os.kill(pid, signal.SIGTERM)
    gone(pid)
    text = exit_report(server, pid)
    assert "killed by SIGKILL" in text and "did not leave in time and was killed" in text
    assert group.count("shutdown-timeout") == 1


def test_shutdown_timeout_0_waits_for_callbacks(site):
    """Nobody takes a process that leaves for one that is stuck."""
    server, group = site(f"threads=2 shutdown-timeout=0 graceful-timeout=0 deadlock-timeout={ms(1000)}")
    pid, = ready(group)
    assert server.get(f"/app/late?{3 * SCALE}").status == 200
    os.kill(pid, signal.SIGUSR1)
    gone(pid)
    assert "ended: exit code 0; reason: eviction" in exit_report(server, pid)


def test_shutdown_timeout_0_waits_for_the_request(site):
    server, group = site("threads=2 shutdown-timeout=0")
    pid, = ready(group)
    with held(server, group):
        os.kill(pid, signal.SIGTERM)
        until(lambda: pid not in group.pids(), "it takes no further request")
    gone(pid)


# --- the system's limits -----------------------------------------------------------------------------


def test_cpu_time_limit(site):
    server, group = site("cpu-time-limit=1s")
    pid, = ready(group)
    assert server.get("/app/burn?1.05").body == str(pid).encode()
    replaced(group, pid)
    gone(pid)
    assert group.count("cpu-time-limit") == 1


@pytest.mark.parametrize("limit", ["memory-limit=400MB", "virtual-memory-limit=700MB"])
def test_memory_limits(site, limit, workspace):
    if "address" in workspace.build.sanitizer:
        pytest.skip("the address sanitizer needs more memory for itself than the limit allows")
    server, group = site(f"threads=2 {limit}")
    pid, = ready(group)
    assert server.get("/app/allocate?800").status == 500
    server.expect_log("BRINE0401: MemoryError")
    server.allow_log(r"BRINE0401\|")
    assert server.get("/app/pid").body == str(pid).encode()


def test_memory_recycle(site):
    server, group = site("threads=2 memory-recycle=120MB")
    pid, = ready(group)
    assert server.get("/app/allocate?150.5").body == str(pid).encode()
    assert replaced(group, pid) != pid
    gone(pid)
    assert group.count("memory-recycle") == 1


def test_memory_recycle_below_what_a_fresh_process_needs(site):
    server, group = site("threads=2 memory-recycle=1MB")
    pid, = ready(group)
    server.expect_log(r"BRINE0619: a fresh process of daemon group 'site' has \d+ MiB resident already")
    mark = server.log.mark()
    for _ in range(3):  # the supervisor looks at it once a second
        looked = time.monotonic() + 0.4
        until(lambda: server.get("/app/pid").status and time.monotonic() > looked, "time passes")  # noqa: B023
    assert set(group.pids()) == {pid}
    assert not server.log.texts("started process", mark)


# --- the status page ---------------------------------------------------------------------------------


def test_the_status_page(site):
    server, group = site("processes=2 threads=3")
    pids = ready(group, 2)
    with held(server, group):
        row, = [row for row in group.rows() if row.in_flight]
        assert row.pid in pids and row.state == "ready"
        page = server.get("/server-status").text
    assert "WSGI daemon group site" in page and "2 of 2 processes ready, 3 threads each" in page
    assert all(f"<td>{pid}</td>" in page for pid in pids)
    until(lambda: sum(row.served for row in group.rows()) == group.count("requests") == 1, "it is counted")


def test_the_status_page_without_groups(start_httpd):
    server = start_httpd(groups.CONFIG)
    assert "BrineGroup[site]" not in server.get("/server-status?auto").text
