"""Frames of daemon/shared/frame.hpp, as a daemon process writes them."""

import struct

WANT, HEAD, BODY, FILE, ABORT, LOG, NOTE, REFUSED, DONE = range(2, 11)
REQUEST, DATA = 0, 1
FACTS = 14
END, LAST = 1, 2  # flags: the body ends; no `done` follows
COMPLETED, CLIENT_ABORTED, FAILED_BEFORE, FAILED_AFTER, NO_APPLICATION, REJECTED = range(6)
SCRIPT_FAILED, FORBIDDEN, RESTARTING, TIMED_OUT, NOT_READY, OVERFULL, PROCESS_DIED = range(6, 13)


def frame(kind, payload=b"", flags=0, aux=0, value=0, size=None):
    return struct.pack("=IBBHQ", len(payload) if size is None else size, kind, flags, aux, value) + payload


def encoded_head(line=b"200 OK", fields=()):
    texts = [line, *(text for field in fields for text in field)]
    sizes = b"".join(struct.pack("=I", len(text)) for text in texts)
    payload = b"".join(text + b"\0" for text in texts)
    return struct.pack("=II", len(fields), len(payload)) + sizes + payload


def head(fields=(), body=b"", flags=0, line=b"200 OK", status=200):
    return frame(HEAD, encoded_head(line, fields) + body, flags, status)


def whole(fields=(), body=b"", **more):
    """An ordinary answer, in one frame."""
    return head(fields, body, END | LAST, **more)


def body(payload, flags=0):
    return frame(BODY, payload, flags)


def file(offset, length, flags=0):
    return frame(FILE, struct.pack("=qq", offset, length), flags)


def done(outcome=COMPLETED):
    return frame(DONE, aux=outcome)


def length(size):
    return [(b"Content-Length", b"%d" % size)]
