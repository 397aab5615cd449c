"""Twelve bytes, after 500 ms of the processor's time: a page that computes, however long it waits for its turns."""

import time

BODY = b"Hello World!"
SECONDS = 0.5
STEPS = 1000


def application(environ, start_response):
    end = time.thread_time() + SECONDS
    total = 0
    while time.thread_time() < end:
        for number in range(STEPS):
            total += number * number % 7
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12"), ("X-Total", str(total))])
    return [BODY]
