"""The module `mod_wsgi` that applications import, and the Python they find themselves in."""

import pytest

from harness import processes

pytestmark = pytest.mark.axes("mpm", "python", "interpreter")

CONFIG = """
WSGIScriptAlias /api {apps}/module_api.wsgi
"""


@pytest.fixture
def facts(httpd):
    return httpd.get("/api").json()


def test_version(facts):
    assert facts["version"] == [6, 0, 5]


def test_groups(httpd, facts, variant):
    expected = "" if variant.group == "%{GLOBAL}" else f"localhost:{httpd.port}|/api"
    group = "group" if variant.mode == "daemon" else ""
    assert facts["process_group"] == group
    assert facts["application_group"] == expected
    assert facts["at_load"] == [group, expected]


def test_numbers(facts, variant):
    if variant.mode == "daemon":
        assert (facts["threads_per_process"], facts["maximum_processes"]) == (8, 1)
        return
    assert facts["threads_per_process"] == (1 if variant.mpm == "prefork" else 16)
    assert facts["maximum_processes"] == (12 if variant.mpm == "prefork" else 1)


def test_file_wrapper(facts):
    assert facts["wrapper"] is True


def test_the_module_apache(facts, variant):
    """It tells of httpd itself, in daemon processes too."""
    apache = facts["apache"]
    assert apache["version"][:2] == [2, 4]
    assert apache["description"].startswith("Apache/2.4")
    assert apache["mpm_name"] == variant.mpm
    assert apache["build_date"]
    assert apache["threads_per_process"] == (1 if variant.mpm == "prefork" else 16)
    assert apache["maximum_processes"] == (12 if variant.mpm == "prefork" else 1)


def test_no_installed_package_takes_the_place_of_the_modules(start_httpd, workspace):
    folder = workspace.new_folder()
    for name in ("apache", "mod_wsgi"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("version = 'of the package'\n")
        (folder / name / "part.py").write_text("")
    (folder / "app.wsgi").write_text("""import importlib, sys
sys.path.insert(0, FOLDER)
import apache, mod_wsgi
def application(environ, start_response):
    start_response("200 OK", [])
    found = [importlib.util.find_spec(f"{name}.part") if hasattr(sys.modules[name], "__path__") else None
             for name in ("apache", "mod_wsgi")]
    return [repr([apache.version[0], mod_wsgi.version, found]).encode()]
""".replace("FOLDER", repr(str(folder))))
    server = start_httpd(f"WSGIScriptAlias /app {folder}/app.wsgi\n")
    assert server.get("/app").text == "[2, (6, 0, 5), [None, None]]"


def test_argv(facts):
    assert facts["argv"] == ["mod_wsgi"]


def test_the_python_asked_for(facts, variant):
    assert facts["python"] == variant.python


def test_no_other_python_is_in_the_process(httpd, facts, variant):
    for child in httpd.children():
        libraries = [name for name in processes.maps(child) if "/libpython3." in name]
        assert all(f"libpython{variant.python}." in name for name in libraries)


def test_the_parent_has_no_python(httpd):
    assert not [name for name in processes.maps(httpd.pid) if "libpython" in name]
