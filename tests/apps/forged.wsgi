"""Writes frames into its connection to httpd, as a process would that has been taken over: `?heads`, `?files` or
`?notes`.

They are those of an endless answer: heads of 64 KiB, pieces of a file, each with a descriptor, or notes of 16 KiB.
"""

import array
import os
import socket
import struct
import tempfile

HEAD, FILE, NOTE = 3, 5, 8  # daemon/shared/frame.hpp, FrameKind
TIMES = 3000


def connection():
    """The stream socket of this request: the only one in a process that serves its first."""
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        if found.family == socket.AF_UNIX and found.type == socket.SOCK_STREAM:
            return found
        found.close()
    raise LookupError("no connection")


def frame(kind, payload, aux=0):
    return struct.pack("=IBBHQ", len(payload), kind, 0, aux, 0) + payload


def head():
    line = b"200 OK" + b"." * 65536
    return frame(HEAD, struct.pack("=II", 0, len(line) + 1) + struct.pack("=I", len(line)) + line + b"\0", 200)


def application(environ, start_response):
    with connection() as to, tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.flush()
        piece = frame(FILE, struct.pack("=qq", 0, 1))
        descriptor = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))]
        if environ["QUERY_STRING"] == "heads":
            for _ in range(TIMES):
                to.sendall(head())
        elif environ["QUERY_STRING"] == "notes":
            for number in range(TIMES):
                to.sendall(frame(NOTE, b"wsgi-pickle-hazards\0" + b"%d" % number + b"," * 16000))
        else:
            to.sendall(frame(HEAD, struct.pack("=II", 0, 7) + struct.pack("=I", 6) + b"200 OK\0", 200))
            for _ in range(TIMES):
                to.sendmsg([piece], descriptor)
    os._exit(0)
