"""Calls start_response wrongly and answers with the exception that it raised, as JSON.

Branches: each entry of CASES is a refused call: arguments, status, header names and values,
Transfer-Encoding, two lengths, 1xx, exc_info of a wrong shape, a second call. `None` where nothing was raised.
A refused call leaves the response as it was: the answer that follows is the proof.
"""

import json
import sys


class Text(str):
    pass


OK = [("Content-Type", "text/plain")]


def second_call(start):
    start("200 OK", OK)
    start("201 Created", OK)


CASES = {
    "no-arguments": lambda start: start(),
    "one-argument": lambda start: start("200 OK"),
    "four-arguments": lambda start: start("200 OK", OK, None, None),
    "headers-tuple": lambda start: start("200 OK", tuple(OK)),
    "headers-dict": lambda start: start("200 OK", dict(OK)),
    "headers-none": lambda start: start("200 OK", None),
    "headers-generator": lambda start: start("200 OK", (pair for pair in OK)),
    "status-bytes": lambda start: start(b"200 OK", OK),
    "status-int": lambda start: start(200, OK),
    "status-none": lambda start: start(None, OK),
    "status-empty": lambda start: start("", OK),
    "status-word": lambda start: start("OK", OK),
    "status-two-digits": lambda start: start("20 OK", OK),
    "status-four-digits": lambda start: start("2000 OK", OK),
    "status-no-space": lambda start: start("200OK", OK),
    "status-leading-space": lambda start: start(" 200 OK", OK),
    "status-newline": lambda start: start("200 OK\nX: y", OK),
    "status-crlf": lambda start: start("200 OK\r\nX: y", OK),
    "status-nul": lambda start: start("200 O\0K", OK),
    "status-not-latin-1": lambda start: start("200 \u20ac", OK),
    "status-100": lambda start: start("100 Continue", OK),
    "status-101": lambda start: start("101 Switching Protocols", OK),
    "status-103": lambda start: start("103 Early Hints", OK),
    "status-unicode-digits": lambda start: start("\u0662\u0660\u0660 OK", OK),
    "header-list": lambda start: start("200 OK", [["A", "b"]]),
    "header-string": lambda start: start("200 OK", ["A: b"]),
    "header-none": lambda start: start("200 OK", [None]),
    "header-one": lambda start: start("200 OK", [("A",)]),
    "header-three": lambda start: start("200 OK", [("A", "b", "c")]),
    "name-bytes": lambda start: start("200 OK", [(b"A", "b")]),
    "value-bytes": lambda start: start("200 OK", [("A", b"b")]),
    "value-int": lambda start: start("200 OK", [("A", 1)]),
    "value-none": lambda start: start("200 OK", [("A", None)]),
    "name-empty": lambda start: start("200 OK", [("", "b")]),
    "name-space": lambda start: start("200 OK", [("A B", "b")]),
    "name-colon": lambda start: start("200 OK", [("A:", "b")]),
    "name-newline": lambda start: start("200 OK", [("A\n", "b")]),
    "name-nul": lambda start: start("200 OK", [("A\0", "b")]),
    "name-not-latin-1": lambda start: start("200 OK", [("\u20ac", "b")]),
    "value-newline": lambda start: start("200 OK", [("A", "b\nC: d")]),
    "value-return": lambda start: start("200 OK", [("A", "b\rC: d")]),
    "value-nul": lambda start: start("200 OK", [("A", "b\0c")]),
    "value-not-latin-1": lambda start: start("200 OK", [("A", "\u20ac")]),
    "length-word": lambda start: start("200 OK", [("Content-Length", "many")]),
    "length-negative": lambda start: start("200 OK", [("Content-Length", "-1")]),
    "length-twice": lambda start: start("200 OK", [("Content-Length", "4"), ("content-length", "4")]),
    "transfer-encoding": lambda start: start("200 OK", [("Transfer-Encoding", "chunked")]),
    "exc-info-string": lambda start: start("200 OK", OK, "error"),
    "exc-info-pair": lambda start: start("200 OK", OK, (ValueError, ValueError())),
    "exc-info-true": lambda start: start("200 OK", OK, True),
    "second-call": second_call,
    "good-subclasses": lambda start: start(Text("200 OK"), [(Text("A"), Text("b"))]),
    "good-none": lambda start: start("200 OK", OK, None),
    "good-empty": lambda start: start("200 OK", []),
}


def application(environ, start_response):
    error = None
    try:
        CASES[environ["QUERY_STRING"]](start_response)
    except Exception:
        kind, value, _ = sys.exc_info()
        error = [kind.__name__, [base.__name__ for base in kind.__mro__], str(value)]
        # A case may have made a good call before the bad one: exc_info allows one more.
        start_response("299 Refused", OK, sys.exc_info())
    body = json.dumps(error).encode()
    return [body]
