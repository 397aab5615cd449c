"""Reads wsgi.input in the way that the query string names, and answers with what it got as JSON.

Branches: read, read0, read-negative, read-none, sized, past-end, readline, readline-sized, readlines,
readlines-hint, iterate, readinto, mixed, nothing, twice (read again after the end), close; by the io
classes: buffered, text, text-lines, wrapped-twice, read1, readinto1, with, facts, unsupported, csv, copied.
"""

import csv
import io
import json
import shutil

BLOCK = 7


def sized(stream):
    result = []
    while block := stream.read(BLOCK):
        result.append(block)
    return result + [stream.read(BLOCK)]


def readinto(stream):
    buffer, result = bytearray(BLOCK), []
    while count := stream.readinto(buffer):
        result.append(bytes(buffer[:count]))
    return result


def lines_of(stream, size=None):
    result = []
    while line := (stream.readline() if size is None else stream.readline(size)):
        result.append(line)
    return result


def closed(stream):
    stream.close()
    return []


def read1(stream, size=-1):
    result = []
    while block := stream.read1(size):
        result.append(block)
    return [b"".join(result), stream.read1(0), stream.read1(5)]


def readinto1(stream):
    buffer, result = bytearray(BLOCK), []
    while count := stream.readinto1(buffer):
        result.append(bytes(buffer[:count]))
    return [b"".join(result)]


def text_lines(stream):
    with io.TextIOWrapper(stream, "latin-1", newline="") as text:
        lines = [line.encode("latin-1") for line in text]
    return lines + [stream.read()]


def wrapped_twice(stream):
    """Each wrapper that is dropped closes the stream; the request's input stays open."""
    first = io.BufferedReader(stream, 4).read(4)
    rest = io.TextIOWrapper(io.BufferedReader(stream), "latin-1", newline="").read()
    return [first, rest.encode("latin-1")]


def entered(stream):
    with stream as same:
        return [same.read()] if same is stream else []


def facts(stream):
    told = (isinstance(stream, io.IOBase), isinstance(stream, io.BufferedIOBase),
            isinstance(stream, io.RawIOBase), isinstance(stream, io.TextIOBase),
            issubclass(type(stream), io.IOBase), stream.readable(), stream.writable(),
            stream.seekable(), stream.isatty(), stream.closed, stream.flush())
    return [repr(told).encode()]


def unsupported(stream):
    result = []
    for name, arguments in (("fileno", ()), ("seek", (0,)), ("tell", ()), ("truncate", ()),
                            ("write", (b"x",)), ("writelines", ([],)), ("detach", ())):
        try:
            getattr(stream, name)(*arguments)
        except io.UnsupportedOperation:
            result.append(name.encode())
    return result


def rows(stream):
    return ["|".join(row).encode() for row in csv.reader(io.TextIOWrapper(stream, "ascii", newline=""))]


def copied(stream):
    target = io.BytesIO()
    shutil.copyfileobj(stream, target)
    return [target.getvalue()]


WAYS = {
    "buffered": lambda stream: io.BufferedReader(stream).readlines(),
    "text": lambda stream: [io.TextIOWrapper(stream, "latin-1", newline="").read().encode("latin-1")],
    "text-lines": text_lines,
    "wrapped-twice": wrapped_twice,
    "read1": read1,
    "readinto1": readinto1,
    "with": entered,
    "facts": facts,
    "unsupported": unsupported,
    "csv": rows,
    "copied": copied,
    "read": lambda stream: [stream.read()],
    "read0": lambda stream: [stream.read(0), stream.read()],
    "read-negative": lambda stream: [stream.read(-1)],
    "read-none": lambda stream: [stream.read(None)],
    "sized": sized,
    "past-end": lambda stream: [stream.read(1000000), stream.read(10), stream.read(), stream.readline()],
    "readline": lines_of,
    "readline-sized": lambda stream: lines_of(stream, 3),
    "readlines": lambda stream: stream.readlines(),
    "readlines-hint": lambda stream: stream.readlines(4),
    "iterate": list,
    "readinto": readinto,
    "mixed": lambda stream: [stream.readline(), stream.read(2), next(stream), stream.read()],
    "nothing": lambda stream: [],
    "twice": lambda stream: [stream.read(), stream.read(), stream.read(5)],
    "close": closed,
}


def application(environ, start_response):
    parts = WAYS[environ["QUERY_STRING"]](environ["wsgi.input"])
    body = json.dumps([part.decode("latin-1") for part in parts]).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
