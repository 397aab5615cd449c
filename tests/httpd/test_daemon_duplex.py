"""Bodies that travel both ways between client and daemon process, slow ends, and ends that go away."""

import gzip
import http.client
import os
import select
import signal
import socket
import threading
import time

import pytest

from harness import groups
from harness.deadline import SCALE, until

pytestmark = pytest.mark.modes("groups")

BRISK = 0.4 * SCALE
"""The socket-timeout of a group."""
CONFIG = groups.CONFIG + f"""
WSGIDaemonProcess site threads=2
WSGIScriptAlias /app {{apps}}/duplex.wsgi process-group=site application-group=%{{GLOBAL}}
AddOutputFilterByType DEFLATE text/x-data
WSGIDaemonProcess slow threads=2 request-timeout={600 * SCALE:g}ms interrupt-timeout={5 * SCALE:g}s
WSGIScriptAlias /slow {{apps}}/duplex.wsgi process-group=slow application-group=%{{GLOBAL}}
WSGIDaemonProcess brisk threads=2 socket-timeout={1000 * BRISK:g}ms
WSGIScriptAlias /brisk {{apps}}/duplex.wsgi process-group=brisk application-group=%{{GLOBAL}}
"""
MIB = 1 << 20
FIRST = 65536
"""So much of a body httpd takes before it asks for a thread."""


@pytest.fixture
def group(httpd):
    group = groups.Group(httpd)
    until(group.pids, "it is ready")
    yield group
    until(lambda: group.count("in-flight") == 0, "every thread is free again", 5)


def chunks(size, piece):
    for number in range(size // piece):
        yield number.to_bytes(4, "big") * (piece // 4)


def post_head(raw, path, length, **headers):
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    raw.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
             f"Connection: close\r\n{fields}\r\n".encode())


def test_echo_of_30_megabytes(httpd, group):
    """The client reads while it still sends."""
    size, piece = 30 * MIB, MIB
    whole = b"".join(chunks(size, piece))
    with httpd.raw() as raw:
        def send():
            post_head(raw, "/app/echo", size)
            for chunk in chunks(size, piece):
                raw.send(chunk)
        sender = threading.Thread(target=send)
        sender.start()
        answer = http.client.HTTPResponse(raw.socket)
        answer.begin()
        body = answer.read()
        sender.join()
    assert answer.status == 200 and body == whole
    assert group.count("crashed") == 0


def test_an_early_answer(httpd, group):
    """It comes while the body is still on its way, and the thread is free at once."""
    with httpd.raw() as raw:
        post_head(raw, "/app/early", 10 * MIB)
        raw.send(b"x" * MIB)
        head = raw.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413") and raw.read_until(b"too large")
        until(lambda: group.count("in-flight") == 0, "the thread is free")


def send_slowly(raw, pieces, pause):
    """So many pieces of 1000 bytes."""
    for _ in range(pieces):
        raw.send(b"x" * 1000)
        time.sleep(pause)


def test_a_client_that_sends_slowly(httpd, group):
    with httpd.raw() as raw:
        post_head(raw, "/app/count", 20000)
        send_slowly(raw, 20, 0.02)
        assert raw.read_until(b"20000").startswith(b"HTTP/1.1 200")


def test_a_slow_client_is_not_taken_for_a_silent_process(httpd):
    """The client sends steadily, and takes longer than socket-timeout."""
    until(groups.Group(httpd, "brisk").pids, "it is ready")
    with httpd.raw() as raw:
        post_head(raw, "/brisk/count", 40000)
        send_slowly(raw, 40, 5 * BRISK / 40)
        assert raw.read_until(b"40000").startswith(b"HTTP/1.1 200")


def slow_socket(port):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20 * SCALE)
    client.connect(("127.0.0.1", port))
    return client


def test_a_client_that_receives_slowly(httpd, group):
    with slow_socket(httpd.port) as client:
        client.sendall(b"GET /app/large HTTP/1.0\r\n\r\n")
        got = len(client.recv(1000))
        other = httpd.get("/app/status")
        assert other.status == 200, "another thread serves meanwhile"
        while more := client.recv(MIB):
            got += len(more)
    assert got > 8 * MIB


def test_request_timeout_while_a_client_receives_slowly(httpd):
    """The answer breaks off, and nobody speaks of a crash."""
    group = groups.Group(httpd, "slow")
    until(group.pids, "it is ready")
    pids, before = group.pids(), group.counters()
    with slow_socket(httpd.port) as client:
        client.sendall(b"GET /slow/large HTTP/1.0\r\n\r\n")
        client.recv(1000)
        httpd.expect_log("BRINE0608.*GET /slow/large")
        httpd.allow_log("BRINE0607")
        got = 1000
        try:
            while more := client.recv(MIB):
                got += len(more)
        except ConnectionResetError:
            pass
    assert got < 8 * MIB
    until(lambda: group.count("in-flight") == 0, "the thread is free")
    after = group.counters()
    assert after["crashed"] == before["crashed"]
    assert after["request-timeout"] == before["request-timeout"] + 1
    assert group.pids() == pids


def answered(raw):
    """Sends a little more; whether something has come back."""
    raw.send(b"x" * 100)
    return select.select([raw.socket], [], [], 0.02)[0]


def test_request_timeout_while_a_client_sends_slowly(httpd):
    """It is told so, though its body has not come to its end."""
    group = groups.Group(httpd, "slow")
    until(group.pids, "it is ready")
    before = group.counters()
    with httpd.raw() as raw:
        post_head(raw, "/slow/count", MIB)
        raw.send(b"x" * FIRST)
        until(lambda: answered(raw), "an answer")
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 504")
    httpd.expect_log("BRINE0608.*POST /slow/count")
    httpd.allow_log("BRINE0607|BRINE0408")
    until(lambda: group.count("in-flight") == 0, "the thread is free")
    after = group.counters()
    assert after["crashed"] == before["crashed"]
    assert after["request-timeout"] == before["request-timeout"] + 1


def test_a_process_that_dies_while_a_client_sends_slowly(httpd, group):
    pid, = group.pids()
    with httpd.raw() as raw:
        post_head(raw, "/app/count", MIB)
        raw.send(b"x" * FIRST)
        # What no thread has taken up when the process dies goes to another one.
        until(lambda: not answered(raw) and group.count("busy") == 1, "it reads")
        os.kill(pid, signal.SIGKILL)
        until(lambda: answered(raw), "an answer")
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 502")
    httpd.expect_log("BRINE0603")
    httpd.expect_log(f"BRINE0610: process {pid} .*POST /app/count")
    until(lambda: group.pids() - {pid}, "a new process is ready")


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_client_that_goes_away_while_the_application_streams(httpd, group, end):
    note = httpd.folder / "writable" / f"stream-{end}"
    with httpd.raw() as raw:
        raw.send(f"GET /app/stream HTTP/1.1\r\nHost: localhost\r\nX-Note: {note}\r\n\r\n".encode())
        raw.read_until(b"xxxx")
        getattr(raw, end)()
    until(lambda: note.exists() and note.read_text() == "closed", "the generator is closed")


def test_a_client_that_goes_away_while_the_application_reads(httpd, group):
    note = httpd.folder / "writable" / "read"
    with httpd.raw() as raw:
        post_head(raw, "/app/read", 10 * MIB, X_Note=note)
        raw.send(b"x" * MIB)
        until(lambda: group.count("in-flight") == 1, "it reads")
    until(lambda: note.exists() and note.read_text() not in ("", "ended after 10485760"),
          "the application sees it")
    assert "Error" in note.read_text() or note.read_text() == "ClientDisconnected"
    httpd.allow_log("BRINE0")


# --- wsgi.file_wrapper -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def content(server):
    path = server.folder / "writable" / "content"
    path.write_bytes(b"".join(chunks(10 * MIB, MIB)))
    path.chmod(0o644)
    return path


def test_files_travel_as_descriptors(httpd, group, content):
    """The process has next to nothing to do with them."""
    whole = content.read_bytes()
    before = httpd.get("/app/status").json()
    for offset in (0, 1, 4095, 9 * MIB, 10 * MIB):
        answer = httpd.get("/app/file", X_File=str(content), X_Offset=str(offset))
        assert answer.status == 200 and answer.body == whole[offset:]
    for _ in range(10):
        assert len(httpd.get("/app/file", X_File=str(content)).body) == len(whole)
    after = httpd.get("/app/status").json()
    assert after["kib"] - before["kib"] < 8 * 1024
    assert after["cpu"] - before["cpu"] < 0.1 * SCALE


def test_a_file_through_a_filter(httpd, group, content):
    answer = httpd.get("/app/file", X_File=str(content), Accept_Encoding="gzip")
    assert answer.header("Content-Encoding") == "gzip"
    assert gzip.decompress(answer.body) == content.read_bytes()


def test_a_file_that_is_truncated_meanwhile(httpd, group):
    path = httpd.write("writable/shrinking", "z" * (8 * MIB))
    with slow_socket(httpd.port) as client:
        client.sendall(f"GET /app/file HTTP/1.1\r\nHost: localhost\r\nX-File: {path}\r\n"
                       "Connection: close\r\n\r\n".encode())
        got = len(client.recv(1000))
        os.truncate(path, MIB)
        try:
            while more := client.recv(MIB):
                got += len(more)
        except ConnectionResetError:
            pass
    assert got < 8 * MIB
    httpd.allow_log("AH|core:|wsgi:")
    assert httpd.get("/app/status").status == 200
