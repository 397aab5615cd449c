"""Does its work in one of five places, as an application does that has five database connections.

Branches: POST reads its input by CONTENT_LENGTH and answers with its size; GET answers at once; `?large`
generates 2 MiB and gives its place back when the response is closed.
"""

import threading

places = threading.BoundedSemaphore(5)


def large():
    try:
        for _ in range(32):
            yield b"x" * 65536
    finally:
        places.release()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    places.acquire()
    if environ["QUERY_STRING"] == "large":
        return large()
    try:
        return [b"%d" % len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))]
    finally:
        places.release()
