"""Stops in the debugger where the query string says `stop`; prints `printed` and writes to sys.stderr."""

import sys


def application(environ, start_response):
    answer = "as it was"
    if environ["QUERY_STRING"] == "stop":
        breakpoint()
    print("printed")
    print("to the log", file=sys.stderr)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
