"""Reads wsgi.input in the way that the query string names, and answers with what it got as JSON.

Branches: read, read0, read-negative, read-none, sized, past-end, readline, readline-sized, readlines,
readlines-hint, iterate, readinto, mixed, nothing, twice (read again after the end), close.
"""

import json

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


WAYS = {
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
