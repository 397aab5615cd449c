"""A daemon group with scripts that have never loaded: nobody has more of them, so all processes serve the others."""

import os
import re
import signal
import time

import pytest

from harness import daemons, groups, processes
from harness.deadline import until

pytestmark = pytest.mark.modes("groups")

PROCESSES = 4
RUNS = """
import os
with open({notes!r} + "/{name}", "a") as file:
    file.write(f"{{os.getpid()}}\\n")

def application(environ, start_response):
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    return [{text!r}]
"""
BROKEN = {"does not compile": "def broken(:\n", "raises": "import no_such_module\n", "ends itself": "import sys\nsys.exit(3)\n",
          "has no application": "x = 1\n"}
SAYS_OTHER = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"other"]
"""
SAID = "BRINE0614: "


def config(names, options=""):
    lines = [f"WSGIScriptAlias /{name} {{dir}}/scripts/{name}.wsgi process-group=site application-group={name}"
             for name in names]
    return "\n".join([groups.CONFIG, f"WSGIDaemonProcess site processes={PROCESSES} threads=2 {options}", *lines]) + "\n"


def runs(server, name, text=b"good"):
    server.write(f"scripts/{name}.wsgi", RUNS.format(notes=str(server.folder / "writable"), name=name, text=text))


def times_run(server, name):
    return len((server.folder / "writable" / name).read_text().split())


def start(start_httpd, workspace, broken, options="", extra=""):
    """A server with a healthy script and broken ones {name: code}."""
    folder = workspace.new_folder()
    good = RUNS.format(notes=str(folder / "writable"), name="good", text=b"good")
    files = {"scripts/good.wsgi": good, **{f"scripts/{name}.wsgi": code for name, code in broken.items()}}
    server = start_httpd(config(["good", *broken], options) + extra, folder=folder, files=files)
    server.allow_log("BRINE030[1-4]")
    return server


def errors(server):
    """What has been said, as errors, of scripts that do not load."""
    return [record for record in server.log.records(0) if SAID in record.line and record.level == "error"]


def wait_for_all(server, kept_from=()):
    """The pids of all processes, once all are ready and none of them is one of these."""
    group = groups.Group(server)

    def ready():
        pids = [row.pid for row in group.rows("ready")]
        return len(pids) == PROCESSES and not set(pids) & set(kept_from) and pids
    return set(until(ready, "all processes are ready", 20))


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_all_processes_serve_the_healthy_script(start_httpd, workspace, code):
    server = start(start_httpd, workspace, {"bad": code})
    pids = wait_for_all(server)
    server.expect_log(SAID)
    mark, until_time = server.log.mark(), time.monotonic() + 4
    while time.monotonic() < until_time:  # today's processes try again after one second, and after three
        assert server.get("/good").text == "good"
        assert server.get("/bad").status == (404 if code == BROKEN["has no application"] else 500)
    assert wait_for_all(server) == pids
    assert daemons.starts(server, mark) == []
    assert times_run(server, "good") == PROCESSES, "nobody ran the healthy script again"
    assert len(errors(server)) == 1


def test_a_mended_script_is_served_by_all(start_httpd, workspace):
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"]})
    wait_for_all(server)
    server.expect_log(SAID)
    runs(server, "bad", b"mended")
    until(lambda: server.get("/bad").text == "mended", "the mended script")
    until(lambda: {server.get("/bad").text for _ in range(20)} == {"mended"}, "all processes have it")
    assert server.get("/good").text == "good"
    wait_for_all(server)


def test_a_mended_script_that_no_request_asks_for(start_httpd, workspace):
    """WSGIImportScript: new processes have it, because its file has changed."""
    imports = "WSGIImportScript {dir}/scripts/job.wsgi process-group=site application-group=job\n"
    folder = workspace.new_folder()
    good = RUNS.format(notes=str(folder / "writable"), name="good", text=b"good")
    server = start_httpd(config(["good"]) + imports, folder=folder,
                         files={"scripts/good.wsgi": good, "scripts/job.wsgi": BROKEN["raises"]})
    server.allow_log("BRINE0301")
    wait_for_all(server)
    server.expect_log(SAID)
    runs(server, "job")
    until(lambda: (server.folder / "writable/job").exists() and times_run(server, "job") == PROCESSES, "all have run it", 20)


def test_an_imported_script_whose_need_comes_back(start_httpd, workspace):
    """Its file does not change: the processes that are there try it again."""
    folder = workspace.new_folder()
    flag = folder / "writable/database"
    good = RUNS.format(notes=str(folder / "writable"), name="good", text=b"good")
    job = f"open({str(flag)!r})\n" + RUNS.format(notes=str(folder / "writable"), name="job", text=b"")
    imports = "WSGIImportScript {dir}/scripts/job.wsgi process-group=site application-group=job\n"
    server = start_httpd(config(["good"]) + imports, folder=folder,
                         files={"scripts/good.wsgi": good, "scripts/job.wsgi": job})
    server.allow_log("BRINE0301")
    pids = wait_for_all(server)
    server.expect_log(SAID)
    flag.touch()
    until(lambda: (folder / "writable/job").exists() and times_run(server, "job") == PROCESSES, "all have run it", 20)
    assert wait_for_all(server) == pids
    assert times_run(server, "good") == PROCESSES


def test_two_of_them_of_which_one_is_mended(start_httpd, workspace):
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"], "worse": BROKEN["does not compile"]})
    wait_for_all(server)
    server.expect_log(SAID, count=2)
    runs(server, "bad", b"mended")
    until(lambda: {server.get("/bad").text for _ in range(20)} == {"mended"}, "all processes have it")
    assert server.get("/worse").status == 500
    assert server.get("/good").text == "good"
    wait_for_all(server)
    assert len(errors(server)) == 2, "of each script once"


@pytest.mark.parametrize("setting", ["On", "Rolling"])
def test_an_edit_of_the_healthy_script_is_deployed(start_httpd, workspace, setting):
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"]}, extra=f"WSGIScriptReloading {setting}\n")
    pids = wait_for_all(server)
    server.expect_log(SAID)
    runs(server, "good", b"new")
    until(lambda: {server.get("/good").text for _ in range(20)} == {"new"}, "the new code")
    wait_for_all(server, kept_from=pids)
    assert len(errors(server)) == 1, "it has not changed: no news"


def test_one_that_loaded_once_keeps_its_code_beside_one_that_never_did(start_httpd, workspace):
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"], "other": SAYS_OTHER})
    wait_for_all(server)
    server.expect_log(SAID)
    assert server.get("/other").text == "other"
    server.write("scripts/other.wsgi", BROKEN["does not compile"])
    assert server.get("/other").text == "other"
    server.expect_log("BRINE0617")
    server.allow_log("BRINE06(14|17|44)")
    runs(server, "good", b"deployed")
    until(lambda: {server.get("/good").text for _ in range(20)} == {"deployed"}, "another script is deployed")
    assert server.get("/other").text == "other"
    assert server.get("/bad").status == 500
    wait_for_all(server)


def test_a_process_that_dies_is_replaced(start_httpd, workspace):
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"]})
    pids = wait_for_all(server)
    server.expect_log(SAID)
    victim = min(pids)
    os.kill(victim, signal.SIGKILL)
    server.expect_log("BRINE0610")
    wait_for_all(server, kept_from=[victim])
    assert len(errors(server)) == 1


def test_after_the_supervisor_s_death(start_httpd, workspace):
    daemons.adopt_orphans()
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"]})
    pids = wait_for_all(server)
    server.expect_log(SAID)
    supervisor, = daemons.supervisors(server)
    os.kill(supervisor, signal.SIGKILL)
    server.expect_log("BRINE0620")
    wait_for_all(server, kept_from=pids)
    until(lambda: daemons.reap(server) or not pids & set(processes.in_session(server.pid)), "the old ones end", 20)
    assert server.get("/good").text == "good"
    assert len(errors(server)) == 1


def test_after_a_graceful_restart(start_httpd, workspace):
    server = start(start_httpd, workspace, {"bad": BROKEN["raises"]})
    pids = wait_for_all(server)
    server.expect_log(SAID)
    server.reload()
    wait_for_all(server, kept_from=pids)
    assert server.get("/good").text == "good"
    server.expect_log(SAID, count=2 * PROCESSES)  # with those at level info
    assert len(errors(server)) == 2, "who restarts httpd wants to know"


@pytest.mark.parametrize("code", [BROKEN["raises"], BROKEN["has no application"]], ids=["raises", "has no application"])
def test_why_it_does_not_load_is_said_once_at_the_start_and_for_each_request(start_httpd, workspace, code):
    server = start(start_httpd, workspace, {"bad": code})
    wait_for_all(server)
    server.expect_log(SAID)

    def reasons(since):
        return [record.level for record in server.log.records(since) if re.match("BRINE030[14]: ", record.text)]
    assert sorted(reasons(0)) == ["error"] + ["info"] * (PROCESSES - 1)
    mark = server.log.mark()
    statuses = {server.get("/bad").status for _ in range(6)}
    assert statuses <= {404, 500}
    assert reasons(mark) == ["error"] * 6
    assert len(errors(server)) == 1
