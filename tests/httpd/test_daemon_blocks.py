"""Blocks of a body on their way from a daemon process: what has come together is passed on together."""

import os
import signal

import pytest

from harness import processes
from harness.deadline import until

pytestmark = pytest.mark.modes("daemon")

CONFIG = "WSGIScriptAlias /blocks {apps}/blocks.wsgi\n"


def chunks(raw, size):
    """The sizes of the chunks that carry the next `size` bytes."""
    sizes = []
    while sum(sizes) < size:
        sizes.append(int(raw.read_until(b"\r\n"), 16))
        while len(raw.received) < sizes[-1] + 2:
            raw.received += raw.socket.recv(65536)
        raw.received = raw.received[sizes[-1] + 2:]
    return sizes


@pytest.fixture
def folder(httpd):
    folder = httpd.folder / "writable"
    for name in ("go", "made", "end"):
        (folder / name).unlink(missing_ok=True)
    return folder


def test_what_has_come_is_passed_on_together(httpd, folder):
    """While httpd's child stands still, the application makes eight blocks."""
    standing = [pid for pid in processes.children(httpd.pid) if pid != httpd.supervisor()]
    with httpd.raw() as raw:
        raw.send(f"GET /blocks?{folder} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        raw.read_until(b"\r\n\r\n")
        assert chunks(raw, 5) == [5]  # at once, though nothing follows
        for pid in standing:
            os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: all(processes.is_stopped(pid) for pid in standing), "httpd stands still")
            (folder / "go").touch()
            until((folder / "made").exists, "the application has made the blocks")
        finally:
            for pid in standing:
                os.kill(pid, signal.SIGCONT)
        assert chunks(raw, 65536) == [65536]  # flushed, though the application is not done
        (folder / "end").touch()
        assert chunks(raw, 4) == [4]
        assert raw.read_until(b"\r\n\r\n") == b"0\r\n\r\n"
