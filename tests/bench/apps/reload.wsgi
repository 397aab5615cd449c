"""The benchmark replaces this file again and again while it is served.

Each load counts itself in the `sys` module, which outlives the script's own; the answer carries the
count as X-Loads, with the process that it belongs to.
"""

import os
import sys

sys.bench_loads = LOADS = getattr(sys, "bench_loads", 0) + 1
PROCESS = str(os.getpid())
BODY = b"Hello World!"


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12"),
                              ("X-Loads", str(LOADS)), ("X-Process", PROCESS)])
    return [BODY]
