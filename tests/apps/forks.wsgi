"""Forks: `/WAY`. A child writes to the error log, or comes back from the application.

Branches: talk (the child writes until the file X-Stop is there, then says how many lines), end
(waits for such children), half (parent and child write parts of lines), input (the child reads
the body before the parent does), live (the child does nothing until X-Stop is there; answers with
its pid), return, exit (the child returns an answer, or raises SystemExit), process
(multiprocessing), pool (a pool of processes that lives as long as this one; `pool?end` ends it),
many (children of a thread, while others write to the log), stream (8 MiB), large (as one string),
hold (answers when X-Stop is there).
"""

import concurrent.futures
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time

PATIENCE = 60  # no child outlives a test that has gone wrong by more
CONTEXT = multiprocessing.get_context("fork")
waiting = []
turn = threading.Lock()
pool = None


def child(body):
    """Forks a process that runs `body()` and nothing else."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def status(pid, seconds=5):
    """How a child ended. One that does not is killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            return f"exit {os.waitstatus_to_exitcode(code)}"
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "it lives"


def is_stopped(environ):
    return os.path.exists(environ["HTTP_X_STOP"])


def wait_for_stop(environ):
    end = time.monotonic() + PATIENCE
    while not is_stopped(environ) and time.monotonic() < end:
        time.sleep(0.002)


def talk(environ):
    def body():
        lines, end = 0, time.monotonic() + PATIENCE
        while not is_stopped(environ) and time.monotonic() < end:
            for stream in (sys.stderr, environ["wsgi.errors"]):
                print(f"child {number} line {lines} {'.' * 100}", file=stream)
                lines += 1
            time.sleep(0.01)  # three children stay below what a process may log
        print(f"child {number} wrote {lines}", file=sys.stderr)

    with turn:  # the number is the child's
        number = len(waiting)
        waiting.append(child(body))
    return str(number)


def end(_environ):
    ended = " ".join(status(pid) for pid in waiting)
    waiting.clear()
    return ended


def half(environ):
    sys.stderr.write("half of ")
    ended = status(child(lambda: print("a child's line", file=environ["wsgi.errors"])))
    sys.stderr.write("a line\n")
    return ended


def read_input(environ):
    def body():
        try:
            print("the child read", len(environ["wsgi.input"].read(1)), file=sys.stderr)
        except Exception as error:
            print("the child got", type(error).__name__, file=sys.stderr)

    ended = status(child(body))
    return f"{ended}, {len(environ['wsgi.input'].read())} bytes"


def live(environ):
    waiting.append(child(lambda: wait_for_stop(environ)))
    return str(waiting[-1])


def come_back(_environ):
    pid = os.fork()
    return status(pid) if pid else "this is the child"


def leave(_environ):
    pid = os.fork()
    if pid == 0:
        sys.exit(3)
    return status(pid)


def say(text):
    logging.getLogger("forks").error(text)
    print(text, "printed", file=sys.stderr)


def process(_environ):
    started = CONTEXT.Process(target=say, args=("in a process",))
    started.start()
    started.join()
    return str(started.exitcode)


def pooled(environ):
    global pool
    if environ["QUERY_STRING"] == "end":
        pool.shutdown()
        return ""
    if pool is None:
        pool = concurrent.futures.ProcessPoolExecutor(1, CONTEXT)
    pool.submit(logging.error, "in a pool").result()  # `say`, of a script, cannot be pickled
    return "done"


def many(_environ):
    writing = True

    def write():
        while writing:
            print("a thread's line" + "." * 100_000, file=sys.stderr)  # takes a while

    def fork():
        nonlocal writing
        try:
            for _ in range(20):
                pids.append(child(lambda: print("one of many", file=sys.stderr)))
        finally:
            writing = False

    pids = []
    threads = [threading.Thread(target=work) for work in (write, write, fork)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return " ".join({status(pid) for pid in pids})


def stream(_environ):
    return (bytes([number]) * 65536 for number in range(128))


def large(_environ):
    return [b"".join(stream(_environ))]


def hold(environ):
    open(environ["HTTP_X_STOP"] + ".held", "w").close()
    wait_for_stop(environ)
    return "held"


WAYS = {"/talk": talk, "/end": end, "/half": half, "/input": read_input, "/live": live,
        "/return": come_back, "/exit": leave, "/process": process, "/pool": pooled, "/many": many,
        "/stream": stream, "/large": large, "/hold": hold, "/pid": lambda environ: str(os.getpid())}


def application(environ, start_response):
    body = WAYS[environ["PATH_INFO"]](environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()] if isinstance(body, str) else body
