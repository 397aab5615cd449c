"""Sends three events, and ends when it is told to: `?KIND` is text or stream.

Branches: `/go?KIND` tells it, `/waiting?KIND` says whether it waits for that.
"""

import threading

TYPES = {"text": "text/plain", "stream": "text/event-stream; charset=utf-8"}
go = {kind: threading.Event() for kind in TYPES}
waiting = dict.fromkeys(TYPES, 0)


def events(kind):
    for number in (1, 2, 3):
        yield b"data: %d\n\n" % number
    waiting[kind] = 1
    go[kind].wait(60)


def application(environ, start_response):
    kind, path = environ["QUERY_STRING"], environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", TYPES[kind])])
    if path == "/waiting":
        return [b"%d" % waiting[kind]]
    if path == "/go":
        go[kind].set()
        return []
    return events(kind)
