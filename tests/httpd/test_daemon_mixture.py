"""Two scripts of a group share a module. One is broken, the other is deployed: no process mixes two releases of them."""

import os
import signal

import pytest

from harness import daemons, groups
from harness.deadline import until
from harness.load import Load

pytestmark = pytest.mark.modes("groups")

PROCESSES = 2
CONFIG = groups.CONFIG + "\n".join([
    f"WSGIDaemonProcess site processes={PROCESSES} threads=2 python-path={{dir}}/lib",
    *(f"WSGIScriptAlias /{name} {{dir}}/scripts/{name}.wsgi process-group=site application-group=%%{{GLOBAL}}"
      for name in ("shop", "admin"))]) + "\n%s\n"
SAYS = """
import os
import release

def application(environ, start_response):
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    return [("%s %d " + str(len(release.NUMBER))).encode()]
"""
BROKEN = {"raises": "import no_such_module\n", "does not compile": "def broken(:\n"}
SAID = "BRINE0644"


def change_module(server, number):
    server.write("lib/release.py", f"NUMBER = {'x' * number!r}\n")  # of another size: .pyc files know seconds


def release(server, name, number):
    change_module(server, number)
    server.write(f"scripts/{name}.wsgi", says(name, number))


def start(start_httpd, workspace, admin=None, extra=""):
    folder = workspace.new_folder()
    server = start_httpd(CONFIG % extra, folder=folder, files={
        "lib/release.py": "NUMBER = 'x'\n", "scripts/shop.wsgi": says("shop", 1),
        "scripts/admin.wsgi": admin or says("admin", 1)})
    server.allow_log("BRINE030[1-4]|BRINE0614")
    until(lambda: len(ready(server)) == PROCESSES, "all processes are ready", 20)
    return server


def says(name, number):
    return SAYS % (name, number)


def ready(server):
    return {row.pid for row in groups.Group(server).rows("ready")}


def keeping(server):
    return {row.pid for row in groups.Group(server).rows("keeping")}


def fresh(server, old):
    """Waits until all processes that serve are other ones than these."""
    def all_fresh():
        pids = ready(server)
        return len(pids) == PROCESSES and not pids & old and pids
    return until(all_fresh, "all processes are new ones", 20)


def usr1(server):
    os.kill(*daemons.supervisors(server), signal.SIGUSR1)


@pytest.mark.parametrize("setting", ["On", "Rolling"])
@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_beside_one_that_never_loaded(start_httpd, workspace, code, setting):
    server = start(start_httpd, workspace, admin=code, extra=f"WSGIScriptReloading {setting}")
    old = ready(server)
    assert server.get("/shop").text == "shop 1 1"
    release(server, "shop", 2)
    until(lambda: server.get("/shop").text == "shop 2 2", "the new release")
    old = fresh(server, old)
    change_module(server, 3)
    usr1(server)
    fresh(server, old)
    assert {server.get("/shop").text for _ in range(10)} == {"shop 2 3"}
    assert server.get("/admin").status == 500


@pytest.mark.parametrize("setting", ["On", "Rolling"])
@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_beside_one_that_was_broken_since(start_httpd, workspace, code, setting):
    """Nobody asks for it before the deployment; its last good code is kept all the same."""
    server = start(start_httpd, workspace, extra=f"WSGIScriptReloading {setting}")
    old = ready(server)
    assert server.get("/shop").text == "shop 1 1"
    server.write("scripts/admin.wsgi", code)
    release(server, "shop", 2)
    with Load(server, "/shop") as load:
        until(lambda: server.get("/shop").text == "shop 2 2", "the new release")
        server.expect_log(SAID)
        now = fresh(server, old)
    load.nothing_lost()
    assert set(load.bodies) <= {b"shop 1 1", b"shop 2 2"}, "a mixture"
    assert {server.get("/shop").text for _ in range(10)} == {"shop 2 2"}
    assert {server.get("/admin").text for _ in range(10)} == {"admin 1 1"}, "its last good code goes on"
    change_module(server, 3)
    usr1(server)
    fresh(server, now)
    assert {server.get("/shop").text for _ in range(10)} == {"shop 2 3"}
    assert {server.get("/admin").text for _ in range(10)} == {"admin 1 1"}
    assert len(server.log.texts(SAID)) == 1


def test_one_that_never_loaded_is_mended_with_its_module(start_httpd, workspace):
    server = start(start_httpd, workspace, admin=BROKEN["raises"])
    old = ready(server)
    assert server.get("/admin").status == 500
    release(server, "admin", 2)
    until(lambda: server.get("/admin").text == "admin 2 2", "the mended script, and the module that belongs to it")
    fresh(server, old)
    assert {server.get("/admin").text for _ in range(10)} == {"admin 2 2"}


def broken_beside_new(start_httpd, workspace):
    """A server whose shop is of release 2, while its admin goes on with release 1."""
    server = start(start_httpd, workspace)
    old = ready(server)
    server.write("scripts/admin.wsgi", BROKEN["raises"] + says("admin", 2))
    release(server, "shop", 2)
    until(lambda: server.get("/shop").text == "shop 2 2", "the new release")
    fresh(server, old)
    server.expect_log(SAID)
    assert server.get("/admin").text == "admin 1 1"
    until(lambda: keeping(server) == old, "the old ones keep it")
    return server


def test_mended(start_httpd, workspace):
    server = broken_beside_new(start_httpd, workspace)
    server.write("scripts/admin.wsgi", says("admin", 3))
    until(lambda: server.get("/admin").text == "admin 3 2", "the mended script")
    until(lambda: not keeping(server) and len(daemons.workers(server)) == PROCESSES, "those that kept it have gone", 20)
    assert {server.get("/admin").text for _ in range(10)} == {"admin 3 2"}
    assert {server.get("/shop").text for _ in range(10)} == {"shop 2 2"}


def test_what_it_needs_comes_back(start_httpd, workspace):
    """Its file does not change: it is tried again by itself."""
    server = broken_beside_new(start_httpd, workspace)
    server.write("lib/no_such_module.py", "")
    until(lambda: server.get("/admin").text == "admin 2 2", "the script that loads", 20)
    until(lambda: not keeping(server), "those that kept it have gone", 20)


def test_further_deployments(start_httpd, workspace):
    """There are places for the new processes, however often; the last good code is not given up."""
    server = broken_beside_new(start_httpd, workspace)
    for number in (3, 4, 5):
        old = ready(server)
        release(server, "shop", number)
        until(lambda: server.get("/shop").text == f"shop {number} {number}", "the next release")  # noqa: B023
        fresh(server, old)
        assert server.get("/admin").text == "admin 1 1"


def test_one_that_keeps_it_dies(start_httpd, workspace):
    server = broken_beside_new(start_httpd, workspace)
    victim = min(keeping(server))
    os.kill(victim, signal.SIGKILL)
    server.expect_log("BRINE0610")
    until(lambda: victim not in keeping(server), "it is gone")
    assert {server.get("/admin").text for _ in range(5)} == {"admin 1 1"}
    victim, = keeping(server)
    os.kill(victim, signal.SIGKILL)
    server.expect_log("BRINE0610", count=2)
    until(lambda: not keeping(server), "it is gone")
    assert server.get("/admin").status == 500, "nobody has it any longer"
    assert server.get("/shop").text == "shop 2 2"


def test_with_fail_nothing_is_kept(start_httpd, workspace):
    server = start(start_httpd, workspace, extra="WSGIReloadFailure Fail")
    old = ready(server)
    server.write("scripts/admin.wsgi", BROKEN["raises"])
    release(server, "shop", 2)
    until(lambda: server.get("/shop").text == "shop 2 2", "the new release")
    fresh(server, old)
    assert server.get("/admin").status == 500
    assert not keeping(server)


def with_a_broken_script(start_httpd, workspace):
    """Returns (the server, its processes), which go on with what they have loaded."""
    server = start(start_httpd, workspace)
    old = ready(server)
    server.write("scripts/admin.wsgi", BROKEN["raises"])
    assert server.get("/admin").text == "admin 1 1"
    server.expect_log("BRINE0617")
    return server, old


def test_a_broken_script_alone_costs_no_memory(start_httpd, workspace):
    """Nothing else is new: the processes that serve both go on."""
    server, old = with_a_broken_script(start_httpd, workspace)
    assert ready(server) == old
    assert not keeping(server)


def test_a_process_that_dies_meanwhile_is_replaced(start_httpd, workspace):
    """By one that serves what loads."""
    server, old = with_a_broken_script(start_httpd, workspace)
    os.kill(min(old), signal.SIGKILL)
    server.expect_log("BRINE0610")
    until(lambda: len(ready(server)) == PROCESSES, "both processes", 20)
    server.expect_log(SAID)
    assert {server.get("/admin").text for _ in range(10)} == {"admin 1 1"}
    assert {server.get("/shop").text for _ in range(10)} == {"shop 1 1"}
