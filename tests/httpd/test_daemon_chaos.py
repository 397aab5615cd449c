"""Daemon processes and their supervisor are killed under load: lost is what ran in them, no more."""

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import daemons, groups, processes
from harness.deadline import SCALE, until
from harness.errorlog import ErrorLog, assert_none
from harness.load import Load

pytestmark = pytest.mark.modes("groups")

CONFIG = """
WSGIDaemonProcess site %s
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%%{GLOBAL}
WSGIScriptAlias /busy {apps}/pid.wsgi process-group=site application-group=%%{GLOBAL}
"""
KILLED = "killed by SIGKILL", "nobody had told it to"


def kill(pid):
    """Ends a process at once; False where it has gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def in_progress(ends):
    """Names of the load's requests that were being served by processes when they ended."""
    return {name for end in ends for name in re.findall(r"'GET /\w+/([^']*)'", end["requests"])}


def check_lost(server, load, ends, log=None):
    """Each request that failed was a 502, had its line BRINE0603, and ran in a process that died."""
    assert not load.failures, load.failures[:3]
    assert set(load.statuses) <= {200, 502}, load.statuses
    lost = {answer.name for answer in load.answers if answer.status == 502}
    log = log or server.log
    server.allow_log("BRINE0603:")
    until(lambda: len(log.texts("BRINE0603:")) == len(lost), "a line BRINE0603 for each")
    # One that was killed between its taking a request from the socket and its noting down which.
    unnoted = lost - in_progress(ends)
    assert len(unnoted) <= 1, f"{unnoted} of {lost}"


@pytest.fixture
def orphans_end():
    """The test's own process waits for those whose supervisor has died."""
    daemons.adopt_orphans()


# --- processes -----------------------------------------------------------------------------------


def test_processes_are_killed_under_load(start_httpd):
    server = start_httpd(CONFIG % "processes=2 threads=4")
    server.allow_log("BRINE0610:")
    killed = set()

    def one_more():
        # Those that have served: what dies while it starts makes the next start wait.
        served = {int(body) for body in load.bodies}
        pids = [pid for pid in daemons.workers(server) if pid in served]
        victim = random.choice(pids) if pids else None
        if victim and kill(victim):
            killed.add(victim)
        return len(killed) > 5

    with Load(server, "/busy") as load:
        for _ in load.paced(6, 0.3):
            one_more()
        until(one_more, "six have been killed", 20)
        load.go_on()
    ends = daemons.obituaries(server)
    assert {int(end["pid"]) for end in ends} == killed
    assert {(end["how"], end["why"]) for end in ends} == {KILLED}
    assert load.statuses[502], "no request was in progress"
    check_lost(server, load, ends)
    until(lambda: len(daemons.workers(server)) == 2, "two processes")


def test_a_process_is_killed_with_a_request_in_it(start_httpd):
    server = start_httpd(CONFIG % "threads=4")
    held = daemons.Held(server)
    kill(held.pid())
    assert held.release().status == 502
    server.expect_log("BRINE0603:")
    record, = server.expect_log("BRINE0610:")
    assert "killed by SIGKILL; nobody had told it to; " in record.text
    assert re.search(r"in progress: 'GET /app' \(id \S+\) for \d+\.\d s; peak", record.text)
    assert server.get("/app").status == 200


FAULTY = """
import ctypes, os, resource, sys, time
LEAK = []

def leak():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        while True:
            LEAK.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass

def close_epoll():
    for fd in os.listdir("/proc/self/fd"):
        if os.path.islink(f"/proc/self/fd/{fd}") and "eventpoll" in os.readlink(f"/proc/self/fd/{fd}"):
            os.close(int(fd))

def overflow():
    deep = []
    for _ in range(10**6):
        deep = [deep]
    sys.setrecursionlimit(10**9)
    repr(deep)

WAYS = {"/leak": leak, "/close": close_epoll, "/overflow": overflow}

def application(environ, start_response):
    WAYS.get(environ["PATH_INFO"], lambda: time.sleep(0.05))()
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture
def faulty(start_httpd):
    """A group whose script does what `/app/WAY` says; anything else takes 50 ms."""
    def start(options):
        return start_httpd(
            f"{groups.CONFIG}WSGIDaemonProcess site {options}\nWSGIScriptAlias /app {{dir}}/scripts/faulty.wsgi "
            "process-group=site application-group=%{GLOBAL}\n", files={"scripts/faulty.wsgi": FAULTY})
    return start


@pytest.fixture
def exhaustible(workspace):
    if "undefined" in workspace.build.sanitizer:
        pytest.skip("this sanitizer opens pipes to look at memory, and takes their lack for a fault")


@pytest.mark.parametrize("number", [1, 3])
def test_a_process_without_descriptors_turns_nobody_away(exhaustible, faulty, number):
    server = faulty(f"processes={number} threads=8")
    until(lambda: len(groups.Group(server).pids()) == number, "all processes are ready")
    pid = int(server.get("/app/leak").text)
    with Load(server, "/app", clients=12) as load:
        server.expect_log(f"BRINE0625: process {pid} of daemon group 'site' has no descriptors left: of 64, conn")
        server.expect_log(f"process {pid} .*reason: out of descriptors")
        load.go_on()
    load.nothing_lost()


def test_a_stopped_process_is_passed_over(faulty):
    """It has nothing to do, and looks as good as any."""
    server = faulty("processes=3 threads=4")
    until(lambda: len(groups.Group(server).pids()) == 3, "all processes are ready")
    pid = int(server.get("/app").text)
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: processes.is_stopped(pid), "all its threads have stopped")
        answers = [server.get("/app") for _ in range(5)]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert [answer.status for answer in answers] == [200] * 5
    assert str(pid) not in {answer.text for answer in answers}


def test_processes_that_never_have_descriptors_are_no_start_loop(exhaustible, faulty):
    server = faulty("threads=8")
    server.write("scripts/faulty.wsgi", FAULTY + "\nleak()\nfor _ in range(6):\n    os.close(LEAK.pop())\n")
    server.allow_log("BRINE0625")
    server.get("/app")
    mark, began = server.log.mark(), time.monotonic()
    with Load(server, "/app", clients=8) as load:
        until(lambda: len(daemons.starts(server, mark)) >= 4, "some have been started", 20)
    assert time.monotonic() - began > 0.5 + 1 + 2, "the first one at once, the others not"
    assert load.answers


def test_processes_that_are_stopped_are_not_waited_for_without_end(faulty):
    server = faulty("processes=2 threads=4 connect-timeout=300ms")
    until(lambda: len(groups.Group(server).pids()) == 2, "both processes are ready")
    pids = daemons.workers(server)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: all(processes.is_stopped(pid) for pid in pids), "all have stopped")
        answer = server.get("/app")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert answer.status == 503 and answer.header("Retry-After")
    server.expect_log("BRINE0624: no process of daemon group 'site' took this request up, in ")


def test_who_waited_behind_a_process_that_dies_goes_to_the_next(start_httpd):
    """Also where it has waited for longer than connect-timeout."""
    server = start_httpd(CONFIG % f"threads=1 connect-timeout={SCALE}s")
    server.allow_log("BRINE0601")
    until(lambda: server.get("/app").status == 200, "the process is ready, which may take longer than connect-timeout")
    with ThreadPoolExecutor(4) as pool:  # their connections are kept
        assert {answer.status for answer in pool.map(server.get, ["/app"] * 4)} == {200}
        held = daemons.Held(server)
        pid = held.pid()
        mark = server.log.mark()
        waiting = pool.submit(server.get, "/app")
        end = time.monotonic() + 1.2 * SCALE
        until(lambda: time.monotonic() > end, "it has waited for long enough")
        kill(pid)
        assert waiting.result().status == 200
    assert held.release().status == 502
    server.expect_log("BRINE06(03|10):", count=2)
    assert len(daemons.starts(server, mark)) == 1


def test_a_process_that_cannot_be_reached_any_more_ends(faulty):
    server = faulty("threads=2")
    pid = int(server.get("/app/close").text)
    server.expect_log(f"BRINE0626: process {pid} of daemon group 'site' cannot watch its connections any more")
    server.expect_log(f"BRINE0610: process {pid} .*exit code 74")
    assert int(server.get("/app").text) != pid


def test_a_stack_overflow_leaves_its_stack(faulty, workspace):
    if "address" in workspace.build.sanitizer:
        pytest.skip("the address sanitizer takes the signal")
    if sys.version_info >= (3, 12):
        pytest.skip("Python itself stops such a recursion")
    server = faulty("threads=2")
    assert server.get("/app/overflow").status == 502
    server.expect_log("BRINE0603")
    server.expect_log("BRINE0610: .* killed by SIGSEGV")
    server.expect_log(r"BRINE0610\|.* in overflow")
    server.allow_log(r"BRINE0610\|")
    server.log.declare_crash("Segmentation fault")


# --- the supervisor ------------------------------------------------------------------------------


def kill_supervisor(server):
    """Kills it; returns (the supervisor, its processes)."""
    pid, = daemons.supervisors(server)
    children = processes.children(pid)
    kill(pid)
    return pid, children


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "left as zombies"])
def test_the_supervisor_is_killed_under_load(start_httpd, orphans_end, reaped):
    """Its processes go on until others are ready. Nobody may wait for them when they have ended:
    the first process of a container often does not."""
    server = start_httpd(CONFIG % "processes=2 threads=4")
    with Load(server, "/app") as load:
        load.go_on()
        old, orphans = kill_supervisor(server)
        server.expect_log("BRINE0620:")

        def are_gone():
            if reaped:
                daemons.reap(server)
            return not set(orphans) & {pid for pid, state in processes.in_session(server.pid).items()
                                       if state != "Z"}

        until(are_gone, "the old processes end")
        until(lambda: len(daemons.workers(server)) == 2, "two new processes")
        load.go_on(20)
        server.expect_log("BRINE0610: .* ended: nobody saw how, as its supervisor had died", count=2)
        fresh = daemons.workers(server)
    load.nothing_lost()
    assert not set(fresh) & set(orphans) and len(fresh) == 2
    # Both new ones serve: the places of the old ones are free, not those of the new ones.
    assert {int(server.get("/app").text) for _ in range(20)} <= set(fresh)
    assert len(daemons.starts(server)) == 4
    until(lambda: daemons.reap(server) or "Z" not in processes.in_session(server.pid).values(),
          "all that have ended have been waited for")


def test_the_supervisor_and_all_processes_are_killed(start_httpd, orphans_end):
    server = start_httpd(CONFIG % "processes=2 threads=4")
    with Load(server, "/app") as load:
        load.go_on()
        pid, = daemons.supervisors(server)
        for victim in [pid, *processes.children(pid)]:
            kill(victim)
        server.expect_log("BRINE0620:")
        load.go_on(20)
    daemons.reap(server)
    assert not load.failures and set(load.statuses) <= {200, 502}, load.statuses
    lost = load.statuses[502]
    assert lost <= 6
    if lost:
        server.expect_log("BRINE0603:", count=lost)
    server.allow_log("BRINE0610:")  # of those that had a request, or had answered it just then
    until(lambda: len(daemons.workers(server)) == 2, "two new processes")


def test_a_process_dies_after_its_supervisor(start_httpd, orphans_end):
    server = start_httpd(CONFIG % "threads=4")
    held = daemons.Held(server)
    orphan = held.pid()
    kill_supervisor(server)
    server.expect_log("BRINE0620:")
    until(lambda: int(server.get("/app").text) != orphan, "a new process answers")
    kill(orphan)
    assert held.release().status == 502
    server.expect_log("BRINE0603:")
    record, = server.expect_log("BRINE0610:")
    assert f"process {orphan} of" in record.text and "nobody saw how" in record.text
    assert "in progress: 'GET /app' (id " in record.text
    daemons.reap(server)


def test_a_supervisor_that_could_not_be_forked_is_forked_later(start_httpd, orphans_end):
    server = start_httpd(CONFIG % "threads=4", user="www-data")  # root may fork whatever the limit

    def allow(most):
        limit = "unlimited" if most == resource.RLIM_INFINITY else most
        subprocess.run(["prlimit", f"--pid={server.pid}", f"--nproc={limit}:"], check=True, user=server.user)

    assert server.get("/app").status == 200, "the process is ready"
    allow(0)
    _, orphans = kill_supervisor(server)
    server.expect_log("BRINE0620:")
    server.expect_log("BRINE0621: .*Resource temporarily unavailable; tried again")
    assert int(server.get("/app").text) in orphans, "the old process serves on"
    server.allow_log("BRINE0621:")
    allow(resource.getrlimit(resource.RLIMIT_NPROC)[0])
    server.expect_log("BRINE0610: .* ended: nobody saw how, as its supervisor had died", seconds=30)
    assert int(server.get("/app").text) not in orphans
    daemons.reap(server)


def test_the_supervisor_dies_again_and_again(start_httpd, orphans_end):
    server = start_httpd(CONFIG % "processes=2 threads=4")
    with Load(server, "/app", clients=2) as load:
        for count in range(1, 4):
            until(lambda: len(daemons.workers(server)) == 2, "two processes")
            kill_supervisor(server)
            server.expect_log("BRINE0620:", count=count)
            load.go_on()
            daemons.reap(server)
        until(lambda: len(daemons.workers(server)) == 2, "two processes")
        until(lambda: daemons.reap(server) or len(processes.in_session(server.pid)) == 5,
              "httpd, its child, the supervisor and two processes")
    load.nothing_lost()


# --- everything at once --------------------------------------------------------------------------


def any_worker(server):
    """Just behind a restart there may be none."""
    return random.choice(until(lambda: daemons.workers(server), "a daemon process"))


def test_an_hour_in_ten_seconds(start_httpd, orphans_end, workspace):
    """Restarts, log rotation, limits, changed scripts, crashes: lost is what ran in what died."""
    source = (workspace.folder / "apps/pid.wsgi").read_text()
    server = start_httpd(
        "WSGIDaemonProcess site processes=2 threads=4 maximum-requests=200 restart-interval=3s\n"
        "WSGIScriptAlias /app {dir}/scripts/app.wsgi process-group=site "
        "application-group=%{GLOBAL}\n", files={"scripts/app.wsgi": source})
    server.allow_log("BRINE0610:")
    with Load(server, "/app") as load:
        load.go_on()
        for step in load.paced(10, 0.5):
            deed = step % 5
            if deed == 0:
                server.write("scripts/app.wsgi", f"{source}\nNUMBER = {step}\n")
            elif deed == 1:
                kill(any_worker(server))
            elif deed == 2:
                server.log.path.rename(server.folder / f"rotated-{step}.log")
                server.reload()
            elif deed == 3:
                os.kill(any_worker(server), signal.SIGUSR1)
            else:
                load.go_on(1)
        load.go_on()
    logs = [ErrorLog(path) for path in (*server.folder.glob("rotated-*.log"), server.log.path)]
    for log in logs:
        log.declare("BRINE06(03|10):")
    assert_none([line for log in logs for line in log.complaints()])
    whole = server.write("whole.log", "".join(log.path.read_text() for log in logs))
    ends = [daemons.OBITUARY.match(text) for text in ErrorLog(whole).texts("BRINE0610:")]
    assert len(ends) > 10
    check_lost(server, load, ends, ErrorLog(whole))
