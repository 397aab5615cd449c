"""Writes the request's body into its own connection to httpd, as a process would that has been taken over.

`?times=N` writes it N times, `?fd=KIND` gives a descriptor with it (KIND: file, written, fifo, directory, socket, path,
write-only, device, proc, memfd, sparse, truncated), `?later=S` writes it S seconds after an honest answer. Then it waits
until httpd has closed the connection, or a moment, and closes it itself. Without a body it answers with the process's pid.
"""

import array
import os
import select
import socket
import tempfile
import threading
import time
from urllib.parse import parse_qs

WAIT = 200  # ms


def connection():
    """The stream socket of this request, and its number: the only one whose other end is open, if requests come one by one.

    httpd may not have closed yet that of the request before; one that is idle it closes after 10 s.
    """
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = open_streams()
        if len(found) == 1:
            return found[0]
        for stream, _ in found:
            stream.close()
        time.sleep(0.005)
    raise LookupError("no connection, or more than one")


def open_streams():
    """The stream sockets whose other end is open, as copies, each with its number."""
    streams = []
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:
        if is_copy(number, streams) or "socket:" not in links_to(number):
            continue
        try:
            copy = socket.socket(fileno=os.dup(number))  # `number` stays the process's
        except OSError:  # another thread has closed it meanwhile
            continue
        if copy.family == socket.AF_UNIX and copy.type == socket.SOCK_STREAM and is_open(copy):
            streams.append((copy, number))
        else:
            copy.close()
    return streams


def is_copy(number, streams):
    """The list of descriptors names the one that it was read from, which a copy may have got."""
    return number in [copy.fileno() for copy, _ in streams]


def links_to(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return ""  # closed meanwhile


def is_open(end):
    try:
        return end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:  # its other end was closed with something unread in it
        return False


def plain_file(size=8):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"contents" * (size // 8))
        file.flush()
        return os.open(file.name, os.O_RDWR)


def fifo():
    path = tempfile.mktemp()
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.unlink(path)
    return reader


def pipe():
    reader, writer = os.pipe()
    os.close(writer)
    return reader


def memfd():
    fd = os.memfd_create("attack")
    os.write(fd, b"contents")
    return fd


def with_size(fd, size):
    os.ftruncate(fd, size)
    return fd


DESCRIPTORS = {
    "file": plain_file,
    "fifo": fifo,
    "pipe": pipe,
    "directory": lambda: os.open("/", os.O_RDONLY),
    "socket": lambda: socket.socketpair()[0].detach(),
    "path": lambda: os.open("/etc/passwd", os.O_PATH),
    "write-only": lambda: os.open(tempfile.gettempdir(), os.O_WRONLY | os.O_TMPFILE, 0o600),
    "device": lambda: os.open("/dev/zero", os.O_RDONLY),
    "proc": lambda: os.open("/proc/self/status", os.O_RDONLY),
    "proc-of-another": lambda: os.open(f"/proc/{os.getppid()}/stat", os.O_RDONLY),
    "sys": lambda: os.open("/sys/kernel/mm/transparent_hugepage/enabled", os.O_RDONLY),
    "memfd": memfd,
    "sparse": lambda: with_size(memfd(), 1 << 40),
    "truncated": lambda: with_size(plain_file(), 0),
}


def attack(data, times, kind):
    to, number = connection()
    with to:
        to.setblocking(True)
        fd = DESCRIPTORS[kind]() if kind else -1
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if kind else []
        try:
            for _ in range(times):
                sent = to.sendmsg([data], rights)
                to.sendall(data[sent:])
        except OSError:
            pass  # httpd has had enough
        if kind:
            os.close(fd)
        gone = select.poll()
        gone.register(to, select.POLLHUP)
        gone.poll(WAIT)
    with socket.socketpair()[0] as dead:  # the honest answer that follows would be taken for the next request's
        os.dup2(dead.fileno(), number)


def application(environ, start_response):
    data = environ["wsgi.input"].read()
    wish = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    arguments = (data, int(wish.get("times", 1)), wish.get("fd"))
    if "later" in wish:
        threading.Thread(target=lambda: (time.sleep(float(wish["later"])), attack(*arguments))).start()
    elif data:
        attack(*arguments)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
