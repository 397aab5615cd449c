"""WSGIPythonPath, WSGIPythonOptimize and the other settings of the whole interpreter."""

import re

import pytest

pytestmark = pytest.mark.axes("python")

ALIAS = "WSGIScriptAlias /py {apps}/python_settings.wsgi\n"
CONFIG = ALIAS


def ask(server, fact):
    return server.get(f"/py?{fact}").json()


@pytest.mark.axes("python", "interpreter")
def test_defaults(httpd):
    assert ask(httpd, "optimize") == [0, True]
    assert ask(httpd, "hash")[1] == 1
    assert ask(httpd, "stdout") == "printed"
    httpd.expect_log("printed")


def test_locale(httpd):
    assert ask(httpd, "locale") == ["UTF-8", "utf-8", "C"]


@pytest.mark.axes("python", "interpreter")
def test_signals_are_not_the_applications(httpd):
    passed_on, unchanged = ask(httpd, "signal")
    assert unchanged
    httpd.expect_log("BRINE0204")


@pytest.mark.axes("python", "interpreter")
def test_stdin_is_empty(httpd):
    assert ask(httpd, "stdin") in ("''", "OSError: sys.stdin access restricted by mod_wsgi") or (
        "Error" in ask(httpd, "stdin"))


def test_python_path(start_httpd, workspace):
    folder = workspace.new_folder()
    (folder / "extra").mkdir()
    (folder / "extra" / "brine_test_extra.py").write_text("ANSWER = 'from the path'\n")
    (folder / "linked").mkdir()
    (folder / "scripts" / "by.pth").write_text(f"{folder}/linked\n")
    server = start_httpd(f"WSGIPythonPath {folder}/extra:{folder}/scripts\n" + ALIAS)
    assert ask(server, "import") == "from the path"
    path = ask(server, "path")
    assert path.index(f"{folder}/extra") < path.index(f"{folder}/scripts")
    assert path.index(f"{folder}/scripts") < next(
        i for i, entry in enumerate(path) if entry.endswith("site-packages") or "lib/python3" in entry)
    assert f"{folder}/linked" in path, ".pth files are read"


def test_python_path_that_does_not_exist(start_httpd):
    server = start_httpd("WSGIPythonPath /no/such/folder\n" + ALIAS)
    assert ask(server, "optimize") == [0, True]
    for record in server.expect_log("BRINE0203"):  # each process and interpreter says it
        assert re.search(r"BRINE0203: WSGIPythonPath \(.*/httpd.conf:\d+\) names '/no/such/folder',", record.text)


def test_optimize(start_httpd):
    assert ask(start_httpd("WSGIPythonOptimize 2\n" + ALIAS), "optimize") == [2, False]


@pytest.mark.axes("python", "interpreter")
@pytest.mark.parametrize("option, seconds", [("", 0.02), (" switch-interval=40ms", 0.04)], ids=["server's", "group's"])
def test_switch_interval(start_httpd, option, seconds):
    server = start_httpd(f"WSGISwitchInterval 20ms\nWSGIDaemonProcess switching{option}\n"
                         "WSGIScriptAlias /group {apps}/python_settings.wsgi process-group=switching\n" + ALIAS)
    assert ask(server, "switch") == pytest.approx(0.02)
    assert server.get("/group?switch").json() == pytest.approx(seconds)


def test_fixed_hash_seed(start_httpd):
    first = ask(start_httpd("WSGIPythonHashSeed 42\n" + ALIAS), "hash")
    second = ask(start_httpd("WSGIPythonHashSeed 42\n" + ALIAS), "hash")
    assert first[0] == second[0]


def test_random_hash_seed_is_random(start_httpd):
    first = ask(start_httpd("WSGIPythonHashSeed random\n" + ALIAS), "hash")
    second = ask(start_httpd("WSGIPythonHashSeed random\n" + ALIAS), "hash")
    assert first[0] != second[0]
    assert first[1] == second[1] == 1


def test_dont_write_bytecode(start_httpd):
    assert ask(start_httpd("WSGIDontWriteBytecode On\n" + ALIAS), "bytecode") is True


def test_warnings(start_httpd):
    server = start_httpd("WSGIPythonWarnings error::DeprecationWarning\n" + ALIAS)
    assert ask(server, "warnings") == "raised"


def test_restricted_streams(start_httpd):
    server = start_httpd("WSGIRestrictStdin On\nWSGIRestrictStdout On\n" + ALIAS)
    assert ask(server, "stdin") == "OSError: sys.stdin access restricted by mod_wsgi"
    assert ask(server, "stdout") == "OSError: sys.stdout access restricted by mod_wsgi"


def test_eggs(start_httpd):
    assert ask(start_httpd("WSGIPythonEggs /tmp/eggs\n" + ALIAS), "eggs") == "/tmp/eggs"
