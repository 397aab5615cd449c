"""Objects that pickle and never load: found by a sample (WSGIPickleGuard sample=), by check(), or where they fail."""

import os
import re

import pytest

from harness.deadline import SCALE
from harness.jail import furnish

CONFIG = """
WSGIPythonPath {apps}/pickling
WSGIApplicationGroup %{GLOBAL}
WSGIPickleGuard Report sample=2
WSGIScriptAlias /all {apps}/pickle_round_trip.wsgi
WSGIScriptAlias /third {apps}/pickle_round_trip.wsgi
WSGIScriptAlias /enforce {apps}/pickle_round_trip.wsgi
WSGIScriptAlias /none {apps}/pickle_round_trip.wsgi
<Location /all>
  WSGIPickleGuard Report sample=1
</Location>
<Location /third>
  WSGIPickleGuard Report sample=3
</Location>
<Location /enforce>
  WSGIPickleGuard Enforce sample=1
</Location>
<Location /none>
  WSGIPickleGuard Report
</Location>
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's httpd takes a chroot")
TRACEBACK = r"Process ForkPoolWorker|Exception in thread|Traceback|  File|    |ValueError: never|never_loads.NeverLoads|^$"
TOLD = "BRINE0501: pickle hazard restore-fails: .* of class never_loads.NeverLoads"


def ask(httpd, path):
    answer = httpd.get(path)
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


@pytest.fixture
def server(start_httpd):
    server = start_httpd(CONFIG)
    server.allow_log(r"BRINE0501\| ")
    return server


def classes_told(server):
    return [re.search(r"NeverLoads\d+", text)[0] for text in server.log.texts(TOLD)]


def test_each_dump_is_checked(server):
    for number in range(3):
        ask(server, f"/all?sampled={number}")
    server.expect_log(TOLD, count=3)
    assert classes_told(server) == ["NeverLoads0", "NeverLoads1", "NeverLoads2"]


def test_one_in_three_dumps_is_checked(server):
    for number in range(9):
        ask(server, f"/third?sampled={number}")
    server.expect_log(TOLD, count=3)
    told = [int(name.removeprefix("NeverLoads")) for name in classes_told(server)]
    assert [number // 3 for number in told] == [0, 1, 2]  # one of each three


def test_what_is_found_is_not_refused(server):
    assert ask(server, "/enforce?sampled=0")["restore-fails"] == 1
    server.expect_log(TOLD)


def test_nothing_is_checked_without_it(server):
    for number in range(4):
        assert ask(server, f"/none?sampled={number}") == {}


def test_a_thread_of_the_application_has_the_main_servers_number(server):
    for number in range(4):
        ask(server, f"/none?thread={number}")
    server.expect_log(TOLD, count=2)


def test_what_loads_is_no_finding(server):
    for _ in range(3):
        assert ask(server, "/all?sampled=value") == {}


def test_a_script_of_a_sub_interpreter(start_httpd):
    server = start_httpd(CONFIG.replace("%{GLOBAL}", "another"))
    server.allow_log(r"BRINE0501\| ")
    assert ask(server, "/all?sampled=0")["restore-fails"] == 1
    server.expect_log(TOLD)


# --- check() --------------------------------------------------------------------------------------------


def test_check_in_a_request(server):
    assert ask(server, "/none?check=value")["report"]["hazards"] == []


def test_check_says_what_does_not_load(server):
    report = ask(server, "/none?check=0")["report"]
    assert [(hazard["id"], hazard["qualname"]) for hazard in report["hazards"]] == [("restore-fails", "NeverLoads0")]


@pytest.mark.parametrize("executable", ["none", "/no/such/python", "/etc/passwd", "/usr/bin/true"])
def test_check_without_a_python_says_so(server, executable):
    went = ask(server, f"/none?check=value&executable={executable}")
    assert went["raised"] == "CheckError" and "the process that loads pickles has failed" in went["text"], went
    assert ask(server, "/none?check=value")["report"]["hazards"] == []  # this process, and another helper, are there


def test_a_sample_without_a_python_is_told_once(server):
    for _ in range(2):
        ask(server, "/all?sampled=value&executable=/no/such/python")
    server.expect_log("a pickle whose turn it was .*sample=.* could not be checked.*there is no Python to run", count=1)


@as_root
@pytest.mark.modes("daemon")
def test_check_in_a_chroot_without_a_python(start_httpd, workspace):
    jail = workspace.new_folder()
    furnish(jail, workspace)
    (jail / "srv").mkdir()
    for file in ("pickle_round_trip.wsgi", "pickling/never_loads.py", "pickling/ordinary.py", "pickling/attempts.py"):
        (jail / "srv" / file.rpartition("/")[2]).write_text((workspace.folder / "apps" / file).read_text())
    server = start_httpd(f"WSGIDaemonProcess site chroot={jail} home=/srv connect-timeout={2 * SCALE}s python-path=/srv\n"
                         f"WSGIScriptAlias /app {jail}/srv/pickle_round_trip.wsgi process-group=site "
                         "application-group=%{GLOBAL}\n"
                         f"<Directory {jail}/srv>\nRequire all granted\nWSGIPickleGuard Report sample=1\n</Directory>\n")
    for _ in range(2):
        went = ask(server, "/app?check=value")
        assert went["raised"] == "CheckError" and "there is no Python to run" in went["text"], went
        assert ask(server, "/app?sampled=0") == {}
    server.expect_log("a pickle whose turn it was .*sample=.* could not be checked", count=1)


# --- where they fail ------------------------------------------------------------------------------------


def test_a_process_of_a_pool_that_cannot_load_its_task_says_why(server):
    assert ask(server, "/none?pool=0&way=to")["raised"] == "TimeoutError"
    server.expect_log(TOLD + "0")
    server.allow_log(TRACEBACK)


def test_an_answer_of_a_pool_that_does_not_load_is_told(server):
    went, _ = ask(server, "/none?pool=0&way=from")
    assert went["raised"] == "TimeoutError"
    server.expect_log(TOLD + "0")
    server.allow_log(TRACEBACK)
