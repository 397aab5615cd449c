"""The reloader under load: no request fails, none sees half a module, memory stays flat."""

import http.client
import os
import threading

import pytest

from harness import processes
from harness.client import TIMEOUT

CONFIG = """
WSGIScriptAlias /app {dir}/scripts/app.wsgi
WSGIScriptAlias /self {dir}/scripts/self.wsgi
"""
WHOLE = """
FIRST = {number}

def application(environ, start_response):
    body = b"%d %d %d" % (FIRST, helper(), LAST)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

def helper():
    return LAST

PADDING = {padding!r}
LAST = {number}
"""
CLIENTS = 8
RELOADS = {"embedded": 100, "daemon": 30}  # a new process takes longer


class Client(threading.Thread):
    """Asks on one connection until told to stop; notes everything that is not as it must be."""

    def __init__(self, port, stop):
        super().__init__()
        self.port, self.stop = port, stop
        self.requests, self.problems, self.seen = 0, [], set()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        while not self.stop.is_set():
            try:
                self.ask(connection)
            except Exception as error:  # every kind of failure is a finding
                self.problems.append(repr(error))
                connection.close()
        connection.close()

    def ask(self, connection):
        connection.request("GET", "/app")
        answer = connection.getresponse()
        body = answer.read()
        self.requests += 1
        numbers = set(body.split())
        if answer.status != 200 or len(numbers) != 1:
            self.problems.append(f"{answer.status} {body!r}")
        self.seen |= numbers


@pytest.mark.axes("mpm", "python", "interpreter")
def test_no_request_fails_and_none_sees_half_a_module(httpd, variant):
    reloads = RELOADS[variant.mode]
    write(httpd, 0)
    assert httpd.get("/app").body == b"0 0 0"
    stop = threading.Event()
    clients = [Client(httpd.port, stop) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for number in range(1, reloads + 1):
            write(httpd, number)
            assert httpd.get("/app").body == b"%d %d %d" % (number, number, number)
    finally:
        stop.set()
        for client in clients:
            client.join()
    problems = [problem for client in clients for problem in client.problems]
    assert not problems, f"{len(problems)} of {sum(c.requests for c in clients)}: {problems[:5]}"
    assert sum(client.requests for client in clients) > reloads
    assert all(client.requests for client in clients)
    assert len(set().union(*(client.seen for client in clients))) > reloads // 4


def write(httpd, number):
    httpd.write("scripts/app.wsgi", WHOLE.format(number=number, padding="x" * (number * 13 % 5000)))


SELF = """
import gc, os
NUMBER = {number}
DATA = ["generation %d line %d" % (NUMBER, i) for i in range(2000)]

class Node:
    def __init__(self, other):
        self.other = other

LOOP = Node(None)
LOOP.other = Node(LOOP)

def rewrite():
    with open(__file__, "rb") as file:
        source = file.read()
    fresh = source.replace(b"NUMBER = %d\\n" % NUMBER, b"NUMBER = %d\\n" % (NUMBER + 1), 1)
    with open(__file__ + ".new", "wb") as file:
        file.write(fresh)
    os.replace(__file__ + ".new", __file__)

def application(environ, start_response):
    if environ["QUERY_STRING"]:
        rewrite()
    start_response("200 OK", [("Content-Length", str(len(str(NUMBER))))])
    return [str(NUMBER).encode()]
"""


# Each generation takes some 200 KB, so a thousand show well that they go; `tests/run --soak` makes ten thousand.
RELOADS_OF_ONE_PROCESS = 10_000 if os.environ.get("BRINE_SOAK") else 1_000


@pytest.mark.modes("embedded")  # generations within one process
def test_reloads_leave_memory_flat(httpd):
    (httpd.folder / "scripts").chmod(0o777)
    httpd.write("scripts/self.wsgi", SELF.format(number=0))
    connection = httpd.connect()
    sanitized = bool(httpd.workspace.build.sanitizer)  # keeps freed memory
    total = RELOADS_OF_ONE_PROCESS
    sizes = {}
    for number in range(total):
        connection.request("GET", "/self?rewrite")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"%d" % number)
        if number in (total // 10, total // 2, total - 1):
            sizes[number] = sum(processes.resident_kib(pid) for pid in httpd.children())
    connection.close()
    early, half, late = sizes.values()
    if not sanitized:
        assert late - early < 4096, f"KiB after 10 %, 50 %, all of the reloads: {sizes}"
    assert not httpd.log.texts("BRINE0307")
