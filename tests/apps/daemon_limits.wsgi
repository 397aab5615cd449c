"""Does what a daemon group's limits are there for: `/WAY?ARGUMENT`.

Branches: pid; sleep (seconds, in C); python (seconds of Python code that can be interrupted), which
writes what ended it to X-Note's path; caught (the same, and answers after it); stream (seconds after
the first piece); until_gone (until X-File is gone); hold (the GIL, in C, for ever); burn (seconds of processor time); allocate
(megabytes; kept where that is no whole number); late (an atexit callback that takes so many seconds;
for ever).
"""

import atexit
import ctypes
import os
import time

kept = []


def wait(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.002)


def note(environ, what):
    with open(environ["HTTP_X_NOTE"], "w") as file:
        file.write(what)


def python(environ, seconds):
    try:
        wait(seconds)
    except BaseException as error:
        note(environ, f"{type(error).__module__}.{type(error).__name__}")
        raise


def caught(environ, seconds):
    try:
        wait(seconds)
    except BaseException:
        wait(seconds)


def until_gone(environ, _):
    while os.path.exists(environ["HTTP_X_FILE"]):
        time.sleep(0.002)


def burn(_, seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def allocate(_, megabytes):
    block = b"x" * (int(megabytes) << 20)
    if megabytes % 1:
        kept.append(block)


WAYS = {
    "/pid": lambda environ, _: None,
    "/sleep": lambda environ, seconds: time.sleep(seconds),
    "/python": python,
    "/caught": caught,
    "/until_gone": until_gone,
    "/hold": lambda environ, _: ctypes.PyDLL(None).sleep(100),
    "/burn": burn,
    "/allocate": allocate,
    "/late": lambda environ, seconds: atexit.register(time.sleep, seconds or 100),
}


def application(environ, start_response):
    way, argument = environ["PATH_INFO"], float(environ["QUERY_STRING"] or 0)
    if way == "/stream":
        return stream(start_response, argument)
    WAYS[way](environ, argument)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def stream(start_response, seconds):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    wait(seconds)
    yield b"last"
