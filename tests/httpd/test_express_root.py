"""Server roots that `mod_wsgi-express setup-server` made: they run with their LoadModule line changed, and nothing else."""

import base64
import json
import os
import signal
import subprocess

import pytest

from harness.config import MODULE_FOLDER
from harness.deadline import until
from harness.errorlog import assert_none
from harness.express_root import GROUP, ExpressRoot
from harness.server import environment

pytestmark = pytest.mark.modes("groups")

SITE = """\
import json
import os
import sys

import beside

VERSION = {version!r}


def application(environ, start_response):
    seen = {{key: value for key, value in environ.items() if isinstance(value, str)}}
    seen.update(version=VERSION, beside=beside.WORD, cwd=os.getcwd(), module=__name__, pid=os.getpid(),
                process={{key: value for key, value in os.environ.items() if key.startswith("MOD_WSGI_")}})
    body = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""
FILES = {"project/site.wsgi": SITE.format(version=1), "project/site_module.py": SITE.format(version=1),
         "project/lib/beside.py": "WORD = 'first'\n", "htdocs/static.txt": "a file\n", "htdocs/page.tpl": "Hello",
         "project/files/one.txt": "one\n", "htdocs/missing.html": "no such file",
         "project/template.py": """
def handle_request(environ, start_response):
    with open(environ["SCRIPT_FILENAME"], "rb") as file:
        text = file.read() + b", template"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text]
""",
         "project/decides.py": """
def allow_access(environ, host):
    return environ["QUERY_STRING"] != "away"


def check_password(environ, user, password):
    return {"anna": "secret", "ben": "secret"}.get(user) == password


def groups_for_user(environ, user):
    return {"anna": ["staff"]}.get(user, [])
"""}


@pytest.fixture
def served(request, workspace, variant):
    """served(options...): a root that is served until the test's end."""
    roots = []

    def start(files=None, **options):
        roots.append(ExpressRoot(workspace, variant, files={**FILES, **(files or {})}, **options))
        return roots[-1]

    yield start
    problems = [problem for root in roots for problem in (*root.stop(), *root.log.complaints())]
    if not getattr(request.node, "failed", True):
        assert_none(problems)


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_root_as_it_is(served):
    root = served()
    seen = root.get("/a/b%20c?q=1").json()
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("", "/a/b c", "q=1")
    assert (seen["mod_wsgi.process_group"], seen["mod_wsgi.application_group"]) == (GROUP, "")
    assert (seen["version"], seen["beside"], seen["cwd"]) == (1, "first", str(root.home))
    assert seen["FLAVOUR"] == "salt & pepper"
    assert seen["process"]["MOD_WSGI_EXPRESS"] == "true"
    assert seen["process"]["MOD_WSGI_SERVER_ROOT"] == str(root.root)
    assert seen["module"] == "__wsgi__"
    assert root.get("/").json()["PATH_INFO"] == "/"
    assert root.get("/x", **basic("anna", "secret")).json()["HTTP_AUTHORIZATION"].startswith("Basic ")


def test_files_come_first(served):
    root = served()
    assert root.get("/static.txt").text == "a file\n"
    assert root.get("/files/one.txt").text == "one\n"
    assert root.get("/page.tpl").text == "Hello, template"
    missing = root.get("/files/two.txt")
    assert (missing.status, missing.text) == (404, "no such file")


@pytest.mark.parametrize("path, script_name, path_info", [
    ("/shop", "/shop", ""), ("/shop/", "/shop", "/"), ("/shop/cart/1", "/shop", "/cart/1"),
    ("/shopping/list", "", "/shopping/list"), ("/else", "", "/else")])
def test_a_mount_point(served, path, script_name, path_info):
    seen = served(mount_point="/shop").get(path).json()
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == (script_name, path_info)


def test_a_trusted_proxy_says_the_mount_point(served):
    root = served(defines=["MOD_WSGI_WITH_PROXY_HEADERS", "MOD_WSGI_WITH_TRUSTED_PROXIES"])
    seen = root.request("GET", "/a/b", headers={"X-Script-Name": "/outside", "X-Forwarded-For": "192.0.2.1"}).json()
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["REMOTE_ADDR"]) == ("/outside", "/a/b", "192.0.2.1")


def test_the_application_is_a_module(served):
    seen = served(application_type="module").get("/a").json()
    assert (seen["module"], seen["PATH_INFO"]) == ("site_module", "/a")


def test_a_site_of_files_alone(served):
    root = served(application_type="static")
    assert root.get("/static.txt").text == "a file\n"
    assert root.get("/a").status == 404


def test_the_names_of_mod_wsgi_6(served):
    root = served(package="mod_wsgi.express.runtime", reloader="mod_wsgi.express.reloader")
    assert root.get("/a").json()["version"] == 1


def test_many_options_at_once(served):
    """Everything that the start script can define, but for what excludes the rest."""
    root = served(defines=["MOD_WSGI_MULTIPROCESS", "MOD_WSGI_WITH_SOCKET_PREFIX", "MOD_WSGI_SERVER_METRICS",
                           "MOD_WSGI_SERVER_STATUS", "MOD_WSGI_ENABLE_SENDFILE", "MOD_WSGI_COMPRESS_RESPONSES",
                           "MOD_WSGI_CHUNKED_REQUEST", "MOD_WSGI_DIRECTORY_INDEX", "MOD_WSGI_ERROR_OVERRIDE",
                           "MOD_WSGI_HOST_ACCESS", "MOD_WSGI_AUTH_USER", "MOD_WSGI_AUTH_GROUP"])
    assert root.get("/a").status == 401
    assert root.get("/a", **basic("anna", "wrong")).status == 401
    root.expect_log("password|AH01617", count=1)
    assert root.get("/a", **basic("ben", "secret")).status == 401
    root.expect_log("AH01631", count=1)
    seen = root.get("/a", **basic("anna", "secret")).json()
    assert (seen["REMOTE_USER"], seen["AUTH_TYPE"]) == ("anna", "Basic")
    assert root.get("/a?away", **basic("anna", "secret")).status == 403
    root.allow_log("AH01630|BRINE|denied")
    assert "Apache" in root.get("/server-status", **basic("anna", "secret")).text


def test_embedded_mode(served):
    seen = served(defines=["EMBEDDED_MODE"]).get("/a").json()
    assert (seen["mod_wsgi.process_group"], seen["PATH_INFO"]) == ("", "/a")


def test_one_process_for_a_debugger(served):
    root = served(defines=["ONE_PROCESS"])
    seen = root.get("/a").json()
    assert (seen["pid"], seen["cwd"]) == (root.pid, str(root.home))
    assert seen["process"]["MOD_WSGI_DEBUG_MODE"] == "true"


def test_a_change_of_the_entry_point(served):
    """It is not the script that httpd knows, which is handler.wsgi."""
    root = served()
    before = root.get("/a").json()
    root.write("project/site.wsgi", SITE.format(version=2))
    until(lambda: root.get("/a").json()["version"] == 2, "the new version")
    assert root.get("/a").json()["pid"] != before["pid"]


def test_no_reloading(served):
    root = served(defines=["MOD_WSGI_DISABLE_RELOADING"])
    assert root.get("/a").json()["version"] == 1
    root.write("project/site.wsgi", SITE.format(version=2))
    assert root.get("/a").json()["version"] == 1


def test_a_change_of_an_imported_module(served):
    root = served(reload_on_changes=True)
    assert root.get("/a").json()["process"]["MOD_WSGI_RELOADER_ENABLED"] == "true"
    root.allow_log("Changed: .*/beside.py. The group gets new processes")
    root.write("project/lib/beside.py", "WORD = 'second'\n")
    until(lambda: root.get("/a").json()["beside"] == "second", "the new module")
    root.write("project/lib/beside.py", "WORD = 'third'\n")
    until(lambda: root.get("/a").json()["beside"] == "third", "the module after that")


def test_an_entry_point_that_does_not_load(served):
    root = served(files={"project/site.wsgi": "import no_such_module\n"})
    assert root.get("/a").status == 500
    root.expect_log("no_such_module", count=1)
    root.allow_log("BRINE")
    root.write("project/site.wsgi", SITE.format(version=2))
    until(lambda: root.get("/a").status == 200, "the mended script")


def test_what_is_not_there_is_said(served):
    root = served(enable_recorder=True)
    assert root.get("/a").json()["version"] == 1
    root.expect_log("asks for enable_recorder, which Brine does not have")


def test_the_check_reads_it(served, request):
    """With what the start script defines, and nothing has to be changed."""
    root = served(defines=["MOD_WSGI_MULTIPROCESS"])
    defines = [word for word in root.arguments() if word.startswith("-DMOD_WSGI_")]
    command = [request.config.build.module.parent / "brine", "migrate", "--json", *defines, root.root / "httpd.conf"]
    done = subprocess.run(command, capture_output=True, text=True,
                          env={**environment(request.config.build), "MOD_WSGI_MODULES_DIRECTORY": MODULE_FOLDER})
    report = json.loads(done.stdout)
    assert (done.returncode, report["complete"], report["groups"]) == (1, True, 1), done.stdout + done.stderr
    assert {each["id"] for each in report["findings"] if each["severity"] != "note"} == {"request-timeout"}


def test_a_graceful_restart(served):
    root = served()
    assert root.get("/a").status == 200
    mark = root.log.mark()
    os.kill(root.pid, signal.SIGUSR1)
    until(lambda: root.log.texts("resuming normal operations", since=mark), "the restart")
    assert root.get("/a").json()["version"] == 1
