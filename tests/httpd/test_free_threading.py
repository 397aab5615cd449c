"""A free-threaded Python (3.13t): an engine of its own, which runs with the GIL."""

import pytest

pytestmark = pytest.mark.modes("embedded")  # the tests name the places themselves

GIL = """
import sys
import mod_wsgi

def application(environ, start_response):
    if environ["PATH_INFO"] == "/module":
        import readline
    body = f"{'GIL' if sys._is_gil_enabled() else 'none'} {sys.abiflags} {mod_wsgi.application_group}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
FILES = {"scripts/gil.wsgi": GIL}
PLACES = {"embedded": "", "daemon": "WSGIDaemonProcess site threads=6 python={python}\nWSGIProcessGroup site\n"}
ALIASES = """
WSGIScriptAlias /main {dir}/scripts/gil.wsgi application-group=%{GLOBAL}
WSGIScriptAlias /one {dir}/scripts/gil.wsgi application-group=one
"""


@pytest.fixture
def python(workspace):
    found = [python for python in workspace.build.pythons if python.endswith("t")]
    if not found:
        pytest.skip("this build has no engine for a free-threaded Python")
    return found[-1]


@pytest.fixture(params=PLACES)
def place(request, python):
    return f"WSGIPython {python}\n" + PLACES[request.param].replace("{python}", python)


@pytest.mark.parametrize("variables", [{}, {"PYTHON_GIL": "0"}])
def test_it_runs_with_its_gil(start_httpd, place, variables):
    server = start_httpd(place + ALIASES, files=FILES, env=variables)
    assert server.get("/main").text == "GIL t "
    assert server.get("/one").text == "GIL t one"


def test_its_interpreters_may_have_a_gil_each(start_httpd, place):
    server = start_httpd("WSGIPerInterpreterGIL On\n" + place + ALIASES, files=FILES)
    assert server.get("/main").text == "GIL t "
    assert server.get("/one").text == "GIL t one"


def test_a_group_has_it_beside_another_python(start_httpd, python):
    server = start_httpd(PLACES["daemon"].replace("{python}", python) + ALIASES, files=FILES)
    assert server.get("/main").text == "GIL t "


def test_a_module_that_cannot_do_with_several_interpreters_is_named(start_httpd, place):
    server = start_httpd(place + ALIASES, files=FILES)
    assert server.get("/main/module").text == "GIL t "
    assert server.get("/one/module").status == 500
    server.log.declare("BRINE0401[|]")
    server.expect_log("BRINE0401: .*module readline does not support loading in subinterpreters")
    server.expect_log("BRINE0207: module readline cannot be used in a sub-interpreter of a free-threaded Python: .*GLOBAL")
