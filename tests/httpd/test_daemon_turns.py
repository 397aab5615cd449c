"""Requests go where they need not wait for the turns of one that computes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import until

pytestmark = pytest.mark.modes("daemon")

CONFIG = """WSGIDaemonProcess turns processes=2 threads=4
WSGIScriptAlias /turns {apps}/turns.wsgi process-group=turns application-group=%{{GLOBAL}}
"""


def began(folder, what):
    """The processes that have begun such a request, one entry for each."""
    return [int(file.name.split("-")[1]) for file in folder.glob(f"{what}-*")]


def test_a_request_goes_to_the_process_in_which_nothing_computes(start_httpd):
    """Though that has as many requests or more: the others only wait."""
    server = start_httpd(CONFIG)
    folder = server.folder / "writable"

    def pid():
        return int(server.get("/turns/").text)

    with ThreadPoolExecutor() as clients:
        try:
            clients.submit(server.get, f"/turns/compute?{folder}")
            until(lambda: began(folder, "compute"), "a request computes")
            [computing] = began(folder, "compute")
            waiting = 0
            while sum(other != computing for other in began(folder, "wait")) < 2:
                clients.submit(server.get, f"/turns/wait?{folder}")
                waiting += 1
                until(lambda: len(began(folder, "wait")) == waiting, "a request waits")
            until(lambda: computing not in {pid() for _ in range(30)}, "all requests go to the other process")
            (folder / "computed").touch()
            until(lambda: pid() == computing, "it is seen that the request has ended")
        finally:
            for name in ("computed", "waited"):
                (folder / name).touch()
