"""Daemon processes come and go, and nothing is lost: restarts, replacements, the end."""

import os
import signal
import time

import pytest

from harness import daemons, processes
from harness.client import parse_responses
from harness.deadline import in_time, until
from harness.load import Load
from test_http2 import curl

pytestmark = pytest.mark.modes("groups")

CONFIG = """
WSGIDaemonProcess site %s
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%%{GLOBAL}
"""
CUT = """
Protocols h2c http/1.1
WSGIDaemonProcess site processes=2 threads=4
WSGIScriptAlias /cut {apps}/dies.wsgi process-group=site application-group=%{GLOBAL}
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%{GLOBAL}
"""
NOTES = """
import atexit, os, threading, time
FOLDER = {folder!r}

def note(what):
    open(os.path.join(FOLDER, f"{{what}}-{{os.getpid()}}"), "w").close()

def work():
    time.sleep(0.5)
    note("worked")

def end():
    note("ended")
    if {stuck}:
        time.sleep(60)

atexit.register(end)

def application(environ, start_response):
    threading.Thread(target=work, daemon=False).start()
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""
GATED = """
import os, time
while not os.path.exists({gate!r}):
    time.sleep(0.02)

def application(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


def gone(pids):
    """Waits until these processes have ended and have been waited for."""
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), f"{pids} are gone", 20)


def pids_in(load):
    return {int(body) for body in load.bodies}


# --- replaced under load -------------------------------------------------------------------------


@pytest.mark.axes("mpm", "python", "interpreter")
def test_graceful_restarts_under_load(start_httpd, variant):
    if variant.group != "%{GLOBAL}":
        pytest.skip("the kind of interpreter does not matter")
    server = start_httpd(CONFIG % "processes=2 threads=4")
    seen = set()
    with Load(server, "/app") as load:
        for _ in range(8 if variant.mpm == "event" else 4):
            seen.update(daemons.workers(server))
            before = pids_in(load)
            server.reload()
            until(lambda: pids_in(load) - before - seen, "a process of the new configuration answers", 20)
        load.go_on()
    load.nothing_lost()
    gone(seen - set(daemons.workers(server)))
    until(lambda: len(daemons.supervisors(server)) == 1, "one supervisor is left", 20)
    assert len(daemons.workers(server)) == 2
    until(lambda: "Z" not in processes.in_session(server.pid).values(),
          "httpd, which looks once a second, has waited for all that have ended")
    ends = daemons.obituaries(server)
    assert {end["why"] for end in ends} == {"reason: graceful restart"}
    assert {end["how"] for end in ends} == {"exit code 0"}


# A thousand by `tests/run --soak`.
RESTARTS = 1_000 if os.environ.get("BRINE_SOAK") else 10


def test_graceful_restarts_leave_memory_flat(start_httpd):
    """Of httpd's first process, which goes on over all of them, and of the machine: no process is left of each."""
    server = start_httpd(CONFIG % "processes=2 threads=4")
    sanitized = bool(server.workspace.build.sanitizer)  # keeps freed memory
    until(lambda: len(daemons.workers(server)) == 2, "both processes are there")
    resident, held, alive = [], [], [len(processes.in_session(server.pid))]
    with Load(server, "/app") as load:
        for number in range(RESTARTS):
            before = set(daemons.workers(server))
            server.reload()
            until(lambda: len(workers := set(daemons.workers(server))) == 2 and not workers & before,
                  f"the processes of restart {number} alone are there", 60)
            load.go_on(1)
            resident.append(processes.resident_kib(server.pid))
            held.append(len(processes.descriptors(server.pid)))
            alive.append(len(processes.in_session(server.pid)))
    load.nothing_lost()
    early = RESTARTS // 10
    assert len(set(held[early:])) == 1, f"descriptors of httpd's first process: {held}"
    until(lambda: len(processes.in_session(server.pid)) <= 2 * alive[0], f"processes end, of which there were {alive}", 30)
    if not sanitized:
        grown = resident[-1] - resident[early]
        assert grown < 1024, f"KiB of httpd's first process: {resident}"


@pytest.mark.parametrize("options, reason", [
    ("maximum-requests=20", "maximum-requests"), ("restart-interval=500ms", "restart-interval")],
    ids=["maximum-requests", "restart-interval"])
def test_replaced_under_load(start_httpd, options, reason):
    server = start_httpd(CONFIG % f"processes=2 threads=4 {options}")
    with Load(server, "/app") as load:
        for _ in load.paced(4, 1):
            load.go_on(1)
        until(lambda: len(pids_in(load)) >= 4 and len(daemons.obituaries(server)) >= 2,
              "two have been replaced", 20)
    load.nothing_lost()
    ends = daemons.obituaries(server)
    assert ends and {end["why"] for end in ends} == {f"reason: {reason}"}
    assert {end["requests"] for end in ends} == {"none"}


def test_eviction_waits_for_the_successor(start_httpd, workspace):
    """However long its import takes, no request notices."""
    folder = workspace.new_folder()
    gate = folder / "writable" / "gate"
    gate.touch()
    server = start_httpd("WSGIDaemonProcess site threads=4\nWSGIScriptAlias /app "
                         "{dir}/scripts/slow.wsgi process-group=site application-group=%{GLOBAL}\n",
                         folder=folder, files={"scripts/slow.wsgi": GATED.format(gate=str(gate))})
    old = int(server.get("/app").text)
    mark = server.log.mark()
    gate.unlink()
    with Load(server, "/app") as load:
        load.go_on()
        os.kill(old, signal.SIGUSR1)
        until(lambda: daemons.starts(server, mark), "its successor starts")
        load.go_on()
        assert pids_in(load) == {old}
        gate.touch()
        until(lambda: len(load.bodies) == 2, "the new process answers")
        gone([old])
        load.go_on()
    load.nothing_lost()
    end, = daemons.obituaries(server)
    assert (int(end["pid"]), end["why"]) == (old, "reason: eviction")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
def test_signals_that_mean_nothing(start_httpd, number):
    server = start_httpd(CONFIG % "threads=1")
    pid = int(server.get("/app").text)
    supervisor, = daemons.supervisors(server)
    for target in (pid, supervisor):
        os.kill(target, number)
    # What came before is taken first: the answer to USR1 tells that the others have been.
    os.kill(pid, signal.SIGUSR1)
    until(lambda: int(server.get("/app").text) != pid, "it was evicted")
    gone([pid])
    end, = daemons.obituaries(server)
    assert (int(end["pid"]), end["why"]) == (pid, "reason: eviction")
    assert daemons.supervisors(server) == [supervisor]


# --- requests in progress ------------------------------------------------------------------------


def restart(server, pid):
    server.reload()


def evict(server, pid):
    os.kill(pid, signal.SIGUSR1)


def exhaust(server, pid):
    for _ in range(10):
        assert server.get("/app").status == 200


@pytest.mark.axes("mpm", "python", "interpreter")
@pytest.mark.parametrize("replace", [restart, evict, exhaust])
def test_a_request_in_progress_survives(start_httpd, variant, replace):
    if variant.group != "%{GLOBAL}":
        pytest.skip("the kind of interpreter does not matter")
    options = "maximum-requests=5" if replace is exhaust else ""
    server = start_httpd(CONFIG % f"threads=4 {options}")
    held = daemons.Held(server)
    old = held.pid()
    replace(server, old)
    until(lambda: int(server.get("/app").text) != old, "another process answers")
    answer = held.release()
    assert (answer.status, answer.text) == (200, str(old))
    gone([old])


def test_a_request_that_outlasts_graceful_timeout(start_httpd):
    server = start_httpd(CONFIG % "threads=4 graceful-timeout=500ms shutdown-timeout=500ms")
    held = daemons.Held(server)
    old = held.pid()
    os.kill(old, signal.SIGUSR1)
    gone([old])
    assert held.release().status == 502
    server.expect_log("BRINE0603")
    record, = server.expect_log("BRINE0610:")
    assert "reason: eviction" in record.text and "'GET /app' (id " in record.text
    assert server.get("/app").status == 200


def test_a_blocked_process_holds_nobody_up(start_httpd):
    """One thread each, one of them blocked: what had queued behind it is moved."""
    server = start_httpd(CONFIG % "processes=2 threads=1")
    first = daemons.Held(server, name="first")
    second = daemons.Held(server, name="second")
    assert first.pid() != second.pid()
    with Load(server, "/app", clients=8) as load:
        until(lambda: all(client.connection for client in load.clients), "all have asked")
        assert not load.answers
        second.release()
        load.go_on(10)
        released = time.monotonic()
        load.go_on(10)
    load.nothing_lost()
    assert pids_in(load) == {second.pid()}
    late = [answer.took for answer in load.answers if answer.began > released]
    in_time(max(late), 5, "an answer")
    assert first.release().status == 200


# --- the end -------------------------------------------------------------------------------------


def start_noting(start_httpd, workspace, options, stuck):
    folder = workspace.new_folder()
    notes = folder / "writable"
    (folder / "notes.wsgi").write_text(NOTES.format(folder=str(notes), stuck=stuck))
    server = start_httpd(f"WSGIDaemonProcess site processes=2 {options}\nWSGIScriptAlias /app "
                         f"{folder}/notes.wsgi process-group=site application-group=%{{GLOBAL}}\n")
    return server, int(server.get("/app").text), notes


@pytest.mark.parametrize("options", ["", "shutdown-timeout=0"])
def test_the_end(start_httpd, workspace, options):
    server, pid, notes = start_noting(start_httpd, workspace, options, stuck=False)
    began = time.monotonic()
    assert server.stop() == []
    in_time(time.monotonic() - began, 3, "the end")
    assert (notes / f"ended-{pid}").exists(), "atexit callbacks"
    assert (notes / f"worked-{pid}").exists(), "threads that are no daemons"
    ends = daemons.obituaries(server)
    assert len(ends) == 2 and {end["why"] for end in ends} == {"reason: shutdown"}


def test_a_stuck_end(start_httpd, workspace):
    server, pid, notes = start_noting(start_httpd, workspace, "shutdown-timeout=1s", stuck=True)
    began = time.monotonic()
    assert server.stop() == []
    took = time.monotonic() - began
    assert took > 0.9
    in_time(took, 4, "the end")
    assert (notes / f"ended-{pid}").exists()
    for record in server.expect_log("BRINE0610:", count=2):
        assert "killed by SIGKILL; reason: shutdown, but it did not leave in time" in record.text


# --- cut off -------------------------------------------------------------------------------------


@pytest.fixture
def cutting(start_httpd):
    server = start_httpd(CUT, modules=("http2",))
    yield server
    server.expect_log("BRINE0603")
    record, = server.expect_log("BRINE0610:")
    assert "killed by SIGKILL; nobody had told it to" in record.text
    assert "'GET /cut" in record.text
    assert server.get("/app").status == 200


@pytest.mark.parametrize("way", ["chunked", "length"])
def test_death_in_the_middle_of_a_body(cutting, way):
    answer = cutting.get(f"/cut?{way}")
    assert (answer.status, answer.body, answer.complete) == (200, b"first block", False)


def test_death_in_the_middle_of_a_body_http_1_0(cutting):
    """Without a length, only a reset can tell that something is missing."""
    with cutting.raw() as raw:
        raw.send(b"GET /cut?chunked HTTP/1.0\r\n\r\n")
        data, reset = b"", False
        try:
            while more := raw.socket.recv(65536):
                data += more
        except ConnectionResetError:
            reset = True
    answer, = parse_responses(data)
    assert (answer.status, answer.body) == (200, b"first block")
    assert reset


def test_death_before_the_body(cutting):
    assert cutting.get("/cut?silent").status == 502


def test_death_in_the_middle_of_a_stream(cutting):
    status, _ = curl(cutting, "/cut?chunked", check=False)
    assert status == 92, "no stream error"
