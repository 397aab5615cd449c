"""Connections between httpd's processes and daemon processes that wait for their next request: they do not stay for ever."""

import resource
import threading
from pathlib import Path

import pytest

from harness import processes
from harness.deadline import until

pytestmark = pytest.mark.modes("groups")

GROUPS = [f"site{number}" for number in range(5)]
CONFIG = "".join(f"WSGIDaemonProcess {name} threads=12\n"
                 f"WSGIScriptAlias /{name} {{apps}}/pid.wsgi process-group={name} application-group=%{{GLOBAL}}\n"
                 for name in GROUPS)
BURST = 12


def serving(server):
    """httpd's children that serve clients."""
    return [pid for pid in processes.children(server.pid) if processes.listens(pid, server.port)]


def sockets(pids):
    return sum(name.startswith("socket:") for pid in pids for name in processes.descriptors(pid).values())


def threads_that_close(pids):
    return [name for pid in pids for name in processes.thread_names(pid) if name == "brine idle"]


def burst(server, name, unused):
    """As many requests at once as the group has threads; all of them are with the application at the same time."""
    file = server.folder / "writable" / name
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.get(f"/{name}?hold={file}"))) for _ in range(BURST)]
    for thread in threads:
        thread.start()
    group = int(until(lambda: Path(f"{file}.held").exists() and Path(f"{file}.held").read_text(), "it is held"))
    until(lambda: sockets([group]) == unused[group] + BURST, "all of them have come")
    file.touch()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * BURST
    return group


@pytest.mark.axes("mpm")
def test_what_bursts_leave_is_closed(start_httpd):
    server = start_httpd(CONFIG)
    until(lambda: len(server.workers()) == len(GROUPS), "all groups run")
    until(lambda: all(sockets([pid]) >= 3 for pid in server.workers()), "they have begun")
    unused = {pid: sockets([pid]) for pid in server.workers()}
    pids = [burst(server, name, unused) for name in GROUPS]
    until(lambda: sockets(pids) == sum(unused.values()), "they are closed, though no further request comes", 25)
    until(lambda: not threads_that_close(serving(server)), "the thread that closes them has ended", 10)
    for name, pid in zip(GROUPS, pids):
        assert int(server.get(f"/{name}").text) == pid
    until(lambda: threads_that_close(serving(server)), "it is there again")


@pytest.fixture
def few_descriptors():
    """What is started may have no more descriptors than that."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 64

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    yield most, limit
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_they_are_closed_before_descriptors_run_out(start_httpd, few_descriptors):
    """All bursts together leave more connections than the limit allows: no request fails, and no child ends."""
    most, limit = few_descriptors
    server = start_httpd(CONFIG, before_exec=limit)
    until(lambda: len(server.workers()) == len(GROUPS), "all groups run")
    child, = serving(server)
    until(lambda: all(sockets([pid]) >= 3 for pid in server.workers()), "they have begun")
    unused = {pid: sockets([pid]) for pid in server.workers()}
    assert len(processes.descriptors(child)) + BURST * len(GROUPS) > most, "more than it may have"
    for name in GROUPS:
        burst(server, name, unused)
        assert len(processes.descriptors(child)) < most
    assert serving(server) == [child]
