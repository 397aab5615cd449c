"""Writes to wsgi.errors, sys.stderr, sys.stdout, logging and warnings as the query string says.

Branches: one line, several lines at once, a line in pieces, no newline at the end, empty lines, text
that is no ASCII, long lines, NUL and control characters, writelines, print(file=), the buffer, flush.
"""

import logging
import sys
import warnings


def to(stream):
    return {
        "line": lambda: stream.write("one line\n"),
        "lines": lambda: stream.write("line one\nline two\nline three\n"),
        "pieces": lambda: [stream.write(part) for part in ("one ", "line ", "in pieces", "\n")],
        "open": lambda: stream.write("no newline"),
        "flushed": lambda: (stream.write("flushed "), stream.flush(), stream.write("rest\n")),
        "empty": lambda: stream.write("\nafter an empty line\n"),
        "unicode": lambda: stream.write("caf\u00e9 \u20ac\n"),
        "surrogate": lambda: stream.write("bad \udcff surrogate\n"),
        "long": lambda: stream.write("x" * 20000 + "\n"),
        "nul": lambda: stream.write("be\0fore\n"),
        "control": lambda: stream.write("tab\there \x1b[31mred\n"),
        "writelines": lambda: stream.writelines(["first\n", "second\n"]),
        "print": lambda: print("printed", 1, 2, file=stream),
    }


def warn():
    warnings.simplefilter("always")
    warnings.warn("the warning", UserWarning)


def log():
    logging.getLogger("app").error("logged %s", "error")


def application(environ, start_response):
    where, how = environ["QUERY_STRING"].split("/")
    if where == "errors":
        to(environ["wsgi.errors"])[how]()
    elif where in ("stdout", "stderr"):
        to(getattr(sys, where))[how]()
    else:
        {"warn": warn, "log": log}[how]()
    start_response("200 OK", [])
    return [b"ok"]
