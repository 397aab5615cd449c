"""Its process dies (SIGKILL) in the middle of a response. Branches: `silent` (before anything was
sent), `chunked`, `length` (with a Content-Length)."""

import os
import signal


def application(environ, start_response):
    way = environ["QUERY_STRING"]
    if way == "silent":
        os.kill(os.getpid(), signal.SIGKILL)
    headers = [("Content-Length", "1000")] if way == "length" else []
    start_response("200 OK", [("Content-Type", "text/plain"), *headers])
    yield b"first block"
    os.kill(os.getpid(), signal.SIGKILL)
