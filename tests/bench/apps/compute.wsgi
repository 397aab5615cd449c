"""Twelve bytes, after some milliseconds of Python: what keeps a processor busy."""

BODY = b"Hello World!"
STEPS = 30_000


def application(environ, start_response):
    total = 0
    for number in range(STEPS):
        total += number * number % 7
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12"), ("X-Total", str(total))])
    return [BODY]
