"""Reads and writes at the same time: `/WAY`.

Branches: echo (yields what it reads), lines (likewise, a line at a time), early (answers 413 and reads
nothing), count (reads all, answers with its size), stream (yields for ever; notes its end), read (reads
all; notes its end), large (8 MiB as one string), status (peak memory and processor time as JSON), file
(X-File by wsgi.file_wrapper; X-Offset).
"""

import json
import resource

PIECE = 65536


def note(environ, what):
    with open(environ["HTTP_X_NOTE"], "w") as file:
        file.write(what)


def echo(environ):
    while block := environ["wsgi.input"].read(PIECE):
        yield block


def lines(environ):
    yield from environ["wsgi.input"]


def stream(environ):
    try:
        while True:
            yield b"x" * PIECE
    except GeneratorExit:
        note(environ, "closed")
        raise


def read(environ):
    size = 0
    try:
        while block := environ["wsgi.input"].read(PIECE):
            size += len(block)
    except OSError as error:
        note(environ, type(error).__name__)
        raise
    note(environ, f"ended after {size}")
    return [b"read"]


def count(environ):
    size = 0
    while block := environ["wsgi.input"].read(PIECE):
        size += len(block)
    return [str(size).encode()]


def status(environ):
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return [json.dumps({"kib": usage.ru_maxrss, "cpu": usage.ru_utime + usage.ru_stime}).encode()]


def file(environ):
    content = open(environ["HTTP_X_FILE"], "rb")
    content.seek(int(environ.get("HTTP_X_OFFSET", 0)))
    return environ["wsgi.file_wrapper"](content)


WAYS = {"/echo": echo, "/lines": lines, "/stream": stream, "/read": read, "/count": count, "/status": status,
        "/file": file, "/early": lambda environ: [b"too large"],
        "/large": lambda environ: [b"y" * (8 << 20)]}


def application(environ, start_response):
    way = environ["PATH_INFO"]
    line = "413 Too Large" if way == "/early" else "200 OK"
    start_response(line, [("Content-Type", "text/x-data")])
    return WAYS[way](environ)
