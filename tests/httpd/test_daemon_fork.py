"""Applications that fork: what a child writes reaches nobody's request, and it has no part in serving."""

import os
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import daemons, groups, processes
from harness.client import TIMEOUT
from harness.deadline import until

pytestmark = pytest.mark.modes("groups")

CONFIG = groups.CONFIG + """
WSGIDaemonProcess site threads=4 socket-timeout=1h
WSGIScriptAlias /app {apps}/forks.wsgi process-group=site application-group=%{GLOBAL}
"""
STREAM = b"".join(bytes([number]) * 65536 for number in range(128))


@pytest.fixture
def group(httpd):
    group = groups.Group(httpd)
    until(group.pids, "it is ready")
    before = group.pids(), group.count("crashed")
    yield group
    until(lambda: group.count("in-flight") == 0, "every thread is free again", 5)
    assert (group.pids(), group.count("crashed")) == before


@pytest.fixture
def stop(server, request):
    """A file that children wait for; it is there when the test has ended."""
    path = server.folder / "writable" / f"stop-{request.node.originalname}"
    yield path
    path.touch()


def written(server, number):
    """Waits for the last line of a child of /app/talk; returns (how many it counted, those in the log)."""
    text, = [record.text for record in server.expect_log(f"child {number} wrote", seconds=10)]
    found = [re.match(rf"child {number} line (\d+) \.+$", text)
             for text in server.log.texts(f"child {number} line")]
    return int(text.split()[-1]), [int(match[1]) for match in found]


# --- what it writes ----------------------------------------------------------------------------------


def test_children_write_while_requests_are_served(httpd, group, stop):
    """They were forked in requests on the connections that these requests use."""
    httpd.allow_log("child [0-9] |BRINE0645: ")
    with ThreadPoolExecutor(4) as threads:
        try:
            numbers = [answer.text for answer in
                       threads.map(lambda _: httpd.get("/app/talk", X_Stop=str(stop)), range(3))]
            answers = list(threads.map(lambda _: httpd.get("/app/stream"), range(40)))
        finally:
            stop.touch()
            ended = httpd.get("/app/end").text
    assert ended == "exit 0 exit 0 exit 0" and sorted(numbers) == ["0", "1", "2"]
    assert {answer.status for answer in answers} == {200}
    assert all(answer.complete and answer.body == STREAM for answer in answers)
    missing = 0
    for number in numbers:
        count, lines = written(httpd, number)
        assert lines == sorted(set(lines) & set(range(count))) and count > 10
        missing += count - len(lines)
    # On a busy machine the supervisor may not take a record in time, and each that is lost is told of.
    lost = [re.search(r"BRINE0645: (\d+) log records", text) for text in httpd.log.texts("BRINE0645: ")]
    assert missing == sum(int(match[1]) for match in lost)
    assert {record.client for record in httpd.log.records() if "child " in record.text} == {""}


def test_unfinished_lines_are_the_parents(httpd, group):
    assert httpd.get("/app/half").text == "exit 0"
    httpd.expect_log("half of|a child's line", count=2)
    assert sorted(httpd.log.texts("half of|a child's line")) == ["a child's line", "half of a line"]


def test_the_body_is_the_parents(httpd, group):
    answer = httpd.post("/app/input", b"x" * (1 << 20))
    assert answer.text == "exit 0, 1048576 bytes"
    httpd.expect_log("the child (read 1|got ConnectionResetError)$")  # what was in memory is its own, too


def test_a_process_of_multiprocessing_logs(httpd, group):
    assert httpd.get("/app/process").text == "0"
    records = httpd.expect_log("in a process", count=2)
    assert {(record.text, record.client) for record in records} == {
        ("in a process", ""), ("in a process printed", "")}


def test_a_pool_of_processes_logs(httpd, group):
    """Its process was forked in the first of these requests."""
    try:
        assert [httpd.get("/app/pool").text for _ in range(5)] == ["done"] * 5
    finally:
        httpd.get("/app/pool?end")
    records = httpd.expect_log("in a pool", count=5)
    assert len(records) == 5 and {record.client for record in records} == {""}


def test_children_of_a_process_whose_threads_log(httpd, group):
    httpd.allow_log(r"a thread's line|\]  *\.\.\.")
    assert httpd.get("/app/many").text == "exit 0"
    assert len(httpd.expect_log("one of many", count=20)) == 20


@pytest.mark.modes("embedded")
def test_a_child_of_httpds_own_process(start_httpd):
    server = start_httpd("WSGIScriptAlias /app {apps}/forks.wsgi")
    assert server.get("/app/half").text == "exit 0"
    records = server.expect_log("half of|a child's line", count=2)
    assert {record.text: record.client == "" for record in records} == {
        "a child's line": True, "half of a line": False}


# --- what it does not have ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["return", "exit"])
def test_a_child_that_comes_back_ends(httpd, group, way):
    httpd.allow_log("BRINE0402[:|]")  # SystemExit
    pid = httpd.get("/app/pid").text
    for _ in range(5):
        assert httpd.get(f"/app/{way}").text == "exit 0"
    assert {httpd.get("/app/pid").text for _ in range(10)} == {pid}


def test_a_child_of_a_script_that_is_loaded_beforehand_ends(start_httpd, workspace):
    folder = workspace.new_folder()
    forks = (workspace.folder / "apps" / "forks.wsgi").read_text()
    (folder / "forks.wsgi").write_text(
        forks + "\npid = os.fork()\nENDED = status(pid) if pid else ''\n"
        "WAYS['/ended'] = lambda environ: ENDED\n")
    server = start_httpd("WSGIDaemonProcess site threads=2\n"
                         f"WSGIScriptAlias /app {folder}/forks.wsgi process-group=site "
                         "application-group=%{GLOBAL}\n")
    assert server.get("/app/ended").text == "exit 0"


def slow_socket(port):
    """One that takes little ahead."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(TIMEOUT)
    client.connect(("127.0.0.1", port))
    return client


def read_to_end(client):
    """How many bytes still come."""
    size = 0
    try:
        while more := client.recv(1 << 20):
            size += len(more)
    except ConnectionResetError:
        pass
    return size


def test_a_child_does_not_keep_connections_open(start_httpd):
    """The process is killed, the child lives: httpd sees the end of the process, and waits for no socket-timeout."""
    daemons.adopt_orphans()
    server = start_httpd(CONFIG)
    stop = server.folder / "writable" / "stop"
    with ThreadPoolExecutor(1) as threads, slow_socket(server.port) as client:
        held = threads.submit(server.get, "/app/hold", X_Stop=str(stop))
        client.sendall(b"GET /app/large HTTP/1.0\r\n\r\n")
        assert client.recv(1000)
        until(stop.with_name("stop.held").exists, "the application has it")
        pid = int(server.get("/app/pid").text)
        child = int(server.get("/app/live", X_Stop=str(stop)).text)
        try:
            os.kill(pid, signal.SIGKILL)
            got = read_to_end(client)
            answer = held.result()
            assert processes.parent(child) == os.getpid(), "it lives, and has been adopted"
        finally:
            stop.touch()
            until(lambda: os.waitpid(child, os.WNOHANG)[0], "it ends")
    assert answer.status == 502 and got < len(STREAM)
    server.expect_log("BRINE0603:", count=2)
    server.expect_log(f"BRINE0610: process {pid} .*killed by SIGKILL")
    assert int(server.get("/app/pid").text) != pid


def test_a_child_has_none_of_the_sockets(httpd, group, stop):
    """Their numbers are taken by a pipe that has ended; but what a child prints is logged."""
    def private(pid):
        return {fd for fd, name in processes.descriptors(pid).items()
                if name.startswith(("socket:", "anon_inode:[eventpoll]", "/memfd:brine crash report"))}

    pid, = group.pids()
    before = private(pid)
    child = int(httpd.get("/app/live", X_Stop=str(stop)).text)
    try:  # the parent may have answered before the child has had its first turn
        until(lambda: len(private(child)) == 1, "it has the log's alone")
        names = processes.descriptors(child)
    finally:
        stop.touch()
        assert httpd.get("/app/end").text == "exit 0"
    assert len(before) >= 4
    assert len({names[fd] for fd in before}) == 2
