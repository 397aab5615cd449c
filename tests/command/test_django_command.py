"""`manage.py runbrine` and `runmodwsgi`, with Debian's Django and a real httpd."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from ports import free_port
from serving import PATIENCE, REPOSITORY, Serving, poll

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = {debug}
SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "assets"]
INSTALLED_APPS = ["django.contrib.staticfiles", {app!r}]
WSGI_APPLICATION = "shop.wsgi.served"
{more}
"""
FILES = {
    "manage.py": """\
        import os
        import sys

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps"))
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
        """,
    "shop/__init__.py": "",
    "shop/wsgi.py": """\
        from django.core.wsgi import get_wsgi_application

        served = get_wsgi_application()
        """,
    "shop/urls.py": """\
        from django.urls import path

        from shop.views import seen

        urlpatterns = [path("seen/<path:rest>", seen)]
        """,
    "shop/views.py": """\
        import os

        from django.http import JsonResponse

        import beside
        from django.templatetags.static import static

        WORD = "one"


        def seen(request, rest):
            environ = request.environ
            return JsonResponse({"word": WORD, "beside": beside.WORD, "rest": rest, "cwd": os.getcwd(),
                                 "several": environ["wsgi.multiprocess"], "threads": environ["wsgi.multithread"],
                                 "script": environ["SCRIPT_NAME"], "link": static("site.css"), "size": len(request.body),
                                 "settings": os.environ["DJANGO_SETTINGS_MODULE"]})
        """,
    "apps/beside.py": "WORD = 'beside'\n",
    "assets/site.css": "p { color: teal }\n",
}


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(textwrap.dedent(text))
        new.chmod(0o644)
        new.replace(path)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture(scope="session")
def package(public_folder, brine):
    """The package as in a source tree: the build is beside it."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "python", public_folder / "python", ignore=ignore)
    shutil.copytree(REPOSITORY / "include", public_folder / "include")
    return public_folder / "python"


class Project:
    """A Django project's folder, and its manage.py."""

    def __init__(self, folder, package, runtime):
        self.folder, self.running = folder, []
        self.environment = {"PYTHONPATH": str(package), "XDG_RUNTIME_DIR": str(runtime)}
        self.settings()

    def settings(self, debug=True, app="brine.django", more=""):
        write(self.folder, {**FILES, "shop/settings.py": SETTINGS.format(debug=debug, app=app, more=more)})
        return self

    def manage(self, *arguments, **environment):
        """Runs a command to its end."""
        return subprocess.run([sys.executable, self.folder / "manage.py", *map(str, arguments)], capture_output=True,
                              text=True, cwd=self.folder, env={**os.environ, **self.environment, **environment},
                              timeout=PATIENCE)

    def serve(self, *arguments, command="runbrine", port=True):
        options = ["--port", free_port()] if port else []
        server = Serving([sys.executable, self.folder / "manage.py", command, *arguments, *options], self.environment,
                         folder=self.folder)
        self.running.append(server)
        return server


@pytest.fixture
def project(folder, package, runtime):
    project = Project(folder, package, runtime)
    yield project
    for server in project.running:
        server.end()


def seen(server, path="/seen/x"):
    status, text = server.get(path)
    assert status == 200, text + server.output
    return eval(text.replace("true", "True").replace("false", "False"))


def test_a_project_is_served_until_ctrl_c(project):
    server = project.serve()
    assert seen(server) == {"word": "one", "beside": "beside", "rest": "x", "cwd": str(project.folder), "several": False,
                            "threads": True, "script": "", "size": 0, "link": "/static/site.css", "settings": "shop.settings"}
    assert server.get("/static/site.css") == (200, FILES["assets/site.css"])
    assert server.get("/nothing")[0] == 404
    assert server.stop(signal.SIGINT) == 0
    assert f"Serving {project.folder} " in server.output and "Traceback" not in server.output
    assert not server.answers()


def test_it_ends_with_its_terminal(project):
    server = project.serve()
    assert seen(server)["word"] == "one"
    assert server.stop(signal.SIGHUP) == 0
    assert not server.answers()


def test_a_change_of_a_module_is_seen(project):
    server = project.serve()
    assert seen(server)["word"] == "one"
    write(project.folder, {"shop/views.py": FILES["shop/views.py"].replace('"one"', '"two"')})
    poll(lambda: seen(server)["word"] == "two", "the change")


def test_options(project):
    server = project.serve("--processes", 2, "--threads", 1, "--mount", "/under", "--static", "/more=assets",
                           "--limit-request-body", 5, "--noreload")
    server.wait_for("^http://.*/under$")
    root = server.url.removesuffix("/under")
    got = seen(server)
    assert (got["several"], got["threads"], got["script"]) == (True, False, "/under")
    assert got["link"] == "/under/static/site.css"
    assert server.get("/static/site.css") == (200, FILES["assets/site.css"])
    with socket.create_connection(root.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /under/seen/x HTTP/1.0\r\nContent-Length: 6\r\n\r\n123456")
        assert b" 413 " in connection.recv(100)
    assert "--noreload" not in server.output


def test_collected_files_are_httpd_s(project):
    project.settings(debug=False, more="STATIC_ROOT = BASE_DIR / 'collected'")
    told = project.manage("runbrine", "--port", 0, "--mpm", "none")
    assert told.returncode == 2
    server = project.serve()
    assert seen(server)["word"] == "one"
    assert server.get("/static/site.css")[0] == 404
    assert "Static files are not served: STATIC_ROOT" in server.output and "collectstatic" in server.output
    assert server.stop() == 0
    assert project.manage("collectstatic", "--noinput").returncode == 0
    write(project.folder, {"collected/by-httpd.txt": "no finder knows it\n"})
    server = project.serve()
    assert server.get("/static/by-httpd.txt") == (200, "no finder knows it\n")
    assert "not served" not in server.output


def test_without_debug_finders_are_for_those_who_insist(project):
    server = project.settings(debug=False).serve("--insecure")
    assert server.get("/static/site.css") == (200, FILES["assets/site.css"])
    assert project.serve("--nostatic").get("/static/site.css")[0] == 404


@pytest.mark.parametrize("app", ["brine.django", "mod_wsgi.server", "mod_wsgi.express"])
def test_the_name_that_mod_wsgi_has(project, app):
    server = project.settings(app=app).serve("--log-to-terminal", "--url-alias", "/more", "assets", command="runmodwsgi")
    assert seen(server)["word"] == "one"
    assert server.get("/more/site.css") == (200, FILES["assets/site.css"])


def test_the_address_as_runserver_takes_it(project):
    port = free_port()
    server = project.serve(f"127.0.0.1:{port}", port=False)
    assert server.url == f"http://127.0.0.1:{port}"
    assert seen(server)["word"] == "one"


@pytest.mark.parametrize("arguments, words", [
    (["--port", "99999"], "99999"), (["--processes", "0"], "'0' is not a number from 1"), (["hugo"], "'hugo' is neither"),
    (["8000", "--port", "8001"], "given twice"), (["--host", "no.such.host.invalid", "--port", "0"], "no.such.host.invalid"),
    (["--static", "/x=nowhere"], "nowhere"), (["--static", "/x"], "URL=DIR"), (["--url-alias", "/all", "."], "contains the script"),
    (["--mount", "shop"], "shop"), (["--no-such-option"], "--no-such-option"), (["--mpm", "none"], "none")])
def test_mistakes(project, arguments, words):
    told = project.manage("runbrine", *arguments)
    assert told.returncode == 2 and words in told.stderr
    assert "Traceback" not in told.stderr + told.stdout


def test_a_port_that_is_taken(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = project.manage("runbrine", "--port", taken.getsockname()[1])
    assert told.returncode == 2 and re.search("is not free", told.stderr) and "Traceback" not in told.stderr


def test_a_project_that_does_not_load(project):
    write(project.folder, {"shop/wsgi.py": "import no_such_module\n"})
    server = project.serve()
    server.wait_for("No module named 'no_such_module'|Error loading WSGI_APPLICATION|no_such_module")
    assert server.get("/seen/x")[0] == 500
    assert server.stop() == 1
