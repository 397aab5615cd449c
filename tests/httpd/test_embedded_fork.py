"""Applications that fork in httpd's own processes: a child has no part in serving."""

import os
import signal
import socket

import pytest

from harness import processes
from harness.deadline import SCALE, until

pytestmark = pytest.mark.modes("embedded")

CONFIG = """
WSGIDaemonProcess site
WSGIScriptAlias /app {apps}/forks.wsgi application-group=%{GLOBAL}
WSGIScriptAlias /hello {apps}/hello.wsgi process-group=site
WSGIScriptAlias /list {dir}/list.wsgi application-group=%{GLOBAL}
"""


@pytest.fixture
def stop(server, request):
    """A file that children wait for; it is there when the test has ended."""
    path = server.folder / "writable" / f"stop-{request.node.originalname}"
    yield path
    path.touch()


@pytest.mark.parametrize("way", ["return", "exit"])
def test_a_child_that_comes_back_ends(httpd, way):
    httpd.allow_log("BRINE0402[:|]")  # SystemExit
    pid = httpd.get("/app/pid").text
    for _ in range(5):
        answers = httpd.exchange(f"GET /app/{way} HTTP/1.0\r\n\r\n".encode())
        assert answers.count(b"HTTP/1.") == 1 and answers.endswith(b"exit 0")
    assert {httpd.get("/app/pid").text for _ in range(5)} == {pid}


def test_the_body_is_the_parents(httpd):
    """All of it: the child may have what was in memory already, and takes nothing from the connection."""
    answer = httpd.post("/app/input", b"x" * (1 << 20))
    assert answer.text == "exit 0, 1048576 bytes"
    httpd.expect_log("the child (read 1|got [A-Za-z]*Error)$")


def test_a_child_has_none_of_the_sockets(httpd, stop):
    """Neither those that listen, nor clients' connections, nor those to daemon processes."""
    httpd.get("/hello")
    with socket.create_connection(("127.0.0.1", httpd.port)) as other:
        other.sendall(b"GET /app/pid HTTP/1.1\r\nHost: a\r\n\r\n")
        assert other.recv(1000)
        child = int(httpd.get("/app/live", X_Stop=str(stop)).text)
        try:  # the parent may have answered before the child has had its first turn
            until(lambda: not sockets(child), "it has none")
            parent = processes.parent(child)
            assert len(sockets(parent)) >= 4
            names = processes.descriptors(child)
            assert len({names[fd] for fd in sockets(parent) if fd in names}) == 1
            assert generation_pipes(parent) - generation_pipes(child)
        finally:
            stop.touch()
            assert httpd.get("/app/end").text == "exit 0"


def sockets(pid):
    return {fd for fd, name in processes.descriptors(pid).items() if name.startswith("socket:")}


def generation_pipes(pid):
    """Pipes of which a process holds a writing end; see daemon/shared/endpoints."""
    return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd, name in processes.descriptors(pid).items()
            if name.startswith("pipe:") and is_written(pid, fd)}


def is_written(pid, fd):
    with open(f"/proc/{pid}/fdinfo/{fd}") as file:
        flags = next(line for line in file if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def test_a_child_that_outlives_httpd_does_not_keep_the_port(start_httpd):
    server = start_httpd(CONFIG)
    stop = server.folder / "writable" / "stop"
    child = int(server.get("/app/live", X_Stop=str(stop)).text)
    try:
        os.kill(server.pid, signal.SIGTERM)
        server.process.wait(30 * SCALE)
        assert os.path.exists(f"/proc/{child}")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port)).close()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", server.port))
    finally:
        stop.touch()


def test_programs_inherit_no_sockets(httpd, server):
    """Those started without closing descriptors: all of httpd's are closed at exec."""
    server.write("list.wsgi", "import os, subprocess\n"
                 "def application(environ, start_response):\n"
                 "    start_response('200 OK', [])\n"
                 "    return [subprocess.run(['ls', '-l', '/proc/self/fd'], close_fds=False,\n"
                 "                           capture_output=True).stdout]\n")
    with socket.create_connection(("127.0.0.1", httpd.port)):
        assert "socket:" not in httpd.get("/list").text
