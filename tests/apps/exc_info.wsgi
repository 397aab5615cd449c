"""start_response with exc_info, before and after headers went out.

Branches: before (replaces status and headers), after (raises the given exception, the response is
cut), again (twice before), write (after write() of data), unsent (after write() of nothing).
"""

import sys


def failure():
    try:
        raise ValueError("the given exception")
    except ValueError:
        return sys.exc_info()


def before(start):
    start("200 OK", [("X-First", "1"), ("Content-Length", "5")])
    start("502 Replaced", [("X-Second", "2")], failure())
    yield b"error page"


def again(start):
    start("200 OK", [])
    start("501 One", [], failure())
    start("502 Two", [("X-Two", "2")], failure())
    yield b"two"


def after(start):
    start("200 OK", [("X-First", "1")])
    yield b"sent already"
    start("500 Too late", [], failure())
    yield b"never"


def write(start):
    start("200 OK", [])(b"sent already")
    start("500 Too late", [], failure())
    yield b"never"


def unsent(start):
    start("200 OK", [])(b"")
    start("503 In time", [], failure())
    yield b"in time"


def application(environ, start_response):
    return globals()[environ["QUERY_STRING"]](start_response)
