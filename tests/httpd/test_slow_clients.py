"""A hundred slow clients, and an application with five threads: everybody else is served meanwhile."""

import re
import select
import socket

import pytest

from harness import client
from harness.deadline import until

pytestmark = pytest.mark.modes("embedded")  # the configuration has a daemon group too

CONFIG = """
ThreadLimit 150
ServerLimit 1
ThreadsPerChild 150
MaxRequestWorkers 150
MaxSpareThreads 150
SendBufferSize 65536
WSGIDaemonProcess site threads=5
WSGIScriptAlias /embedded {apps}/few_places.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}
WSGIScriptAlias /daemon {apps}/few_places.wsgi process-group=site application-group=%{GLOBAL}
<LocationMatch /buffered>
  WSGIRequestBuffering 1M
</LocationMatch>
<LocationMatch /kept>
  WSGIResponseBuffering 4M
</LocationMatch>
<Location /server-status>
  SetHandler server-status
</Location>
"""
MODES = pytest.mark.parametrize("mode", ["embedded", "daemon"])


def chunked(raw, path):
    """Sends a part of a body; returns what is missing, and the size."""
    raw.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    raw.send(b"3e8\r\n" + b"x" * 900)
    return b"x" * 100 + b"\r\n0\r\n\r\n", 1000


def expecting(raw, path):
    raw.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n"
             "Expect: 100-continue\r\n\r\n".encode())
    assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    raw.send(b"x" * 10)
    return b"x" * 990, 1000


def large(raw, path):
    raw.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n".encode())
    raw.send(b"x" * 60_000)
    return b"x" * 140_000, 200_000


def buffered(raw, path):
    raw.send(f"POST {path}/buffered HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n".encode())
    raw.send(b"x" * 150_000)
    return b"x" * 150_000, 300_000


def busy(httpd):
    return int(re.search(r"BusyWorkers: (\d+)", httpd.get("/server-status?auto").text)[1])


def has_come(raws):
    """Those clients to which the server has said something."""
    return select.select([raw.socket for raw in raws], [], [], 0)[0]


@MODES
def test_slow_senders(httpd, mode):
    path = f"/{mode}"
    raws = [httpd.raw() for _ in range(100)]
    try:
        missing = [(chunked, expecting, large, buffered)[i % 4](raw, path)
                   for i, raw in enumerate(raws)]
        until(lambda: busy(httpd) > 100, "httpd's threads read", 20)
        for size in (0, 10, 100_000, 10):
            assert httpd.get(path).text == "0"
            assert httpd.post(path, b"x" * size).text == str(size)
            assert httpd.post(path, iter([b"x" * size, b"y"])).text == str(size + 1)
        assert not has_come(raws), "the slow clients had to be ended before others were served"
        for raw, (rest, size) in zip(raws, missing):
            raw.send(rest)
            assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            assert raw.read_until(str(size).encode())
    finally:
        for raw in raws:
            raw.close()


class SlowReceiver:
    """A client that asks for 2 MiB, and takes them when it is told to."""

    def __init__(self, port, path):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(client.TIMEOUT)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path}?large HTTP/1.0\r\n\r\n".encode())

    def take(self):
        """The size of the body."""
        parts = [self.socket.recv(65536)]
        while parts[-1]:
            parts.append(self.socket.recv(65536))
        return len(b"".join(parts).partition(b"\r\n\r\n")[2])


@MODES
def test_slow_receivers(httpd, mode):
    path = f"/{mode}/kept"
    receivers = [SlowReceiver(httpd.port, path) for _ in range(100)]
    try:
        for receiver in receivers:  # each has its answer's first byte, and no more room
            assert receiver.socket.recv(1, socket.MSG_PEEK)
        for _ in range(10):
            assert httpd.get(path).text == "0"
        for receiver in receivers[::20]:
            assert receiver.take() == 2 << 20
    finally:
        for receiver in receivers:
            receiver.socket.close()
