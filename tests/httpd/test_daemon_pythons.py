"""Several Pythons at once: a group for each, in one httpd."""

import subprocess

import pytest

from harness import processes

pytestmark = pytest.mark.modes("groups")

WHICH = """
import sys

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{sys.version_info[0]}.{sys.version_info[1]}{sys.abiflags} {sys.prefix}".encode()]
"""


def group(name, options):
    return (f"WSGIDaemonProcess {name} threads=2 {options}\n"
            f"WSGIScriptAlias /{name} {{dir}}/scripts/which.wsgi process-group={name} "
            "application-group=%{GLOBAL}\n")


def start(start_httpd, workspace, config):
    folder = workspace.new_folder()
    (folder / "scripts" / "which.wsgi").write_text(WHICH)
    return start_httpd(config, folder=folder)


def test_all_of_them_side_by_side(start_httpd, workspace):
    pythons = workspace.build.pythons
    names = {python: "py" + python.replace(".", "") for python in pythons}
    server = start(start_httpd, workspace,
                   "".join(group(name, f"python={python}") for python, name in names.items()))
    for _ in range(2):
        answers = {python: server.get(f"/{name}").text.split()[0] for python, name in names.items()}
        assert answers == {python: python for python in pythons}
    mapped = [{name for name in processes.maps(pid) if "libpython3." in name}
              for pid in server.workers()]
    assert all(len(libraries) <= 1 for libraries in mapped), "each process has one Python"


def test_an_environment_picks_its_python(start_httpd, workspace):
    """python-home= of a virtual environment is enough, without python=."""
    folder = workspace.new_folder()
    (folder / "scripts" / "which.wsgi").write_text(WHICH)
    environment = folder / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", environment], check=True)
    (environment / "bin").chmod(0o755)
    server = start_httpd(group("venv", f"python-home={environment}"), folder=folder)
    version, prefix = server.get("/venv").text.split()
    assert version == subprocess.run(
        ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True, text=True, check=True).stdout.strip()
    assert prefix == str(environment)
