"""The limit of open files: each connection to a daemon process costs a descriptor at both its ends."""

import resource

import pytest

from harness import processes

pytestmark = pytest.mark.modes("daemon")

CONFIG = "WSGIScriptAlias /hello {apps}/hello.wsgi"


def limits(pid):
    with open(f"/proc/{pid}/limits") as file:
        line, = (line for line in file if line.startswith("Max open files"))
    return tuple(int(word) for word in line.split()[3:5])


def test_the_soft_limit_is_raised_to_the_hard_one(start_httpd):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        server = start_httpd(CONFIG)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.get("/hello").status == 200
    serving = [pid for pid in processes.children(server.pid) if processes.listens(pid, server.port)]
    assert serving
    assert {limits(pid) for pid in (server.pid, server.supervisor(), *serving, *server.workers())} == {(hard, hard)}
