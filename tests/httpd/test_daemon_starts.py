"""Starts are metered: many groups start together, and no request is refused because its group stands in line."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import daemons
from harness.deadline import SCALE, until

pytestmark = pytest.mark.modes("groups")

GROUPS = 20
TAKES = """
import time
time.sleep({seconds})

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"there"]
"""
HANGS = "import time\ntime.sleep(1000)\n"


def config(names, options):
    return "\n".join(f"WSGIDaemonProcess {name} threads=2 {options}\n"
                     f"WSGIScriptAlias /{name} {{dir}}/scripts/{name}.wsgi process-group={name} application-group=%{{GLOBAL}}"
                     for name in names) + "\n"


def ask_all(server, names):
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: server.get(f"/{name}").status, names))


def test_twenty_groups_at_a_graceful_restart(start_httpd):
    """On two processors they take longer than connect-timeout all together; each by itself takes a sixth of it."""
    names = [f"site{i}" for i in range(GROUPS)]
    files = {f"scripts/{name}.wsgi": TAKES.format(seconds=0.4 * SCALE) for name in names}
    server = start_httpd(config(names, f"connect-timeout={2500 * SCALE:g}ms socket-timeout=600"), files=files)
    assert ask_all(server, names) == [200] * GROUPS, "at the start"
    server.reload()
    assert ask_all(server, names) == [200] * GROUPS, "at the restart"
    server.allow_log("AH00484")  # requests wait in old and new children of httpd


def test_groups_that_hang_do_not_block_the_line(start_httpd):
    """Each holds its place for a while only; and who is asked for goes first."""
    names = [f"hung{i}" for i in range(4)] + ["site"]
    files = {f"scripts/{name}.wsgi": HANGS for name in names}
    files["scripts/site.wsgi"] = TAKES.format(seconds=0)
    server = start_httpd(config(names, "connect-timeout=20s shutdown-timeout=1s"), files=files)
    began = time.monotonic()
    assert server.get("/site").text == "there"
    assert time.monotonic() - began < 20
    until(lambda: len(daemons.starts(server)) == len(names), "all of them are started", 60)
    server.allow_log("BRINE0610: .* it did not leave in time")  # at the end
