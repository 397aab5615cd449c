"""Scripts that decide: in which processes they run, from .htaccess files too, and what becomes of late answers."""

import base64
import http.client
import json
import ssl
from pathlib import Path
from urllib.parse import urlencode

import pytest

from harness import processes
from harness.client import TIMEOUT
from harness.deadline import until
from harness.tls import HARMLESS, make_certificate
from ports import free_port

ACCESS = "WSGIAccessScript {apps}/decides.wsgi"
SITE = "<Directory {htdocs}>\n%s\n</Directory>\n"
OVERRIDE = SITE % "AllowOverride AuthConfig"
EMBEDDED = pytest.mark.modes("embedded")
DAEMON = pytest.mark.modes("daemon")


def ask(httpd, path="/page.txt", headers=None, **query):
    return httpd.request("GET", f"{path}?{urlencode(query)}", headers=headers)


def start(start_httpd, config, htaccess=None, **options):
    files = {"htdocs/page.txt": "in"}
    if htaccess:
        files["htdocs/.htaccess"] = htaccess
    return start_httpd(config, files=files, **options)


def runs_in(server):
    file = server.folder / "writable" / "seen"
    assert ask(server, seen=file).status == 200
    return json.loads(file.read_text())["pid"]


@DAEMON
def test_a_group_that_is_named_runs_it_and_httpd_stays_without_python(start_httpd):
    server = start(start_httpd, SITE % f"{ACCESS} process-group=group")
    assert runs_in(server) in server.workers()
    for pid in {server.pid, *processes.children(server.pid)} - {server.supervisor()}:
        assert "libpython" not in Path(f"/proc/{pid}/maps").read_text()


@DAEMON
def test_without_a_group_httpds_own_processes_run_it(start_httpd):
    """WSGIRestrictEmbedded, which the server has here, is about applications, as in mod_wsgi."""
    server = start(start_httpd, SITE % ACCESS)
    assert runs_in(server) not in server.workers()


# --- .htaccess -----------------------------------------------------------------------------------


@EMBEDDED
def test_htaccess_names_a_script(start_httpd):
    server = start(start_httpd, OVERRIDE)
    server.write("htdocs/.htaccess", f"WSGIAccessScript {server.workspace.folder}/apps/decides.wsgi\n")
    assert ask(server).status == 200
    assert ask(server, answer=False).status == 403
    server.expect_log("BRINE0124")


@DAEMON
def test_htaccess_ends_no_process_where_python_may_not_run(start_httpd):
    """mod_wsgi's child crashed here."""
    server = start(start_httpd, OVERRIDE)
    server.write("htdocs/.htaccess", f"WSGIAccessScript {server.workspace.folder}/apps/decides.wsgi\n")
    assert ask(server).status == 500
    server.expect_log("BRINE0112: WSGIRestrictEmbedded On forbids to run '.*decides.wsgi' in httpd's own processes")
    server.write("htdocs/.htaccess", "AuthType Basic\nAuthName site\nAuthBasicProvider wsgi\nRequire valid-user\n"
                                     f"WSGIAuthUserScript {server.workspace.folder}/apps/decides.wsgi\n")
    password = {"Authorization": "Basic " + base64.b64encode(b"anna:secret").decode()}
    assert ask(server, headers=password).status == 500
    server.expect_log("BRINE0112", 2)


@DAEMON
@pytest.mark.parametrize("allowed", ["", "WSGIRestrictProcess group\n"])
def test_htaccess_names_a_group_where_the_configuration_lets_it(start_httpd, allowed):
    server = start(start_httpd, allowed + OVERRIDE)
    server.write("htdocs/.htaccess",
                 f"WSGIAccessScript {server.workspace.folder}/apps/decides.wsgi process-group=group\n")
    assert ask(server).status == (200 if allowed else 500)
    if not allowed:
        server.expect_log("BRINE0123: WSGIAccessScript in an .htaccess file names the process group 'group'")


@EMBEDDED
def test_htaccess_names_no_dispatch_script(start_httpd):
    server = start(start_httpd, SITE % "AllowOverride All", "WSGIDispatchScript /srv/route.py\n")
    assert ask(server).status == 500
    server.expect_log("WSGIDispatchScript not allowed here")


@EMBEDDED
def test_python_that_cannot_run_denies(start_httpd):
    server = start(start_httpd, "WSGIPython 3.99\n" + SITE % ACCESS)
    assert ask(server).status == 500
    server.expect_log("BRINE0109")
    server.allow_log("BRINE0001")


# --- late ----------------------------------------------------------------------------------------


@DAEMON
def test_a_late_answer_denies(start_httpd):
    server = start(start_httpd, SITE % f"{ACCESS} process-group=slow" +
                   "WSGIDaemonProcess slow threads=1 request-timeout=1 interrupt-timeout=1\n")
    assert ask(server, hold=server.folder / "writable" / "never").status == 500
    server.expect_log("BRINE0608")
    server.allow_log("BRINE0415|BRINE06")
    until(lambda: ask(server).status == 200, "the group serves again")


@DAEMON
def test_a_process_that_dies_denies(start_httpd):
    server = start(start_httpd, SITE % f"{ACCESS} process-group=group")
    assert ask(server).status == 200
    assert ask(server, exit=1).status == 500
    server.expect_log("BRINE0603")
    server.allow_log("BRINE06")
    until(lambda: ask(server).status == 200, "another process serves")


@DAEMON
def test_a_group_that_does_not_become_ready_denies(start_httpd):
    waits = "import os, time\nwhile not os.path.exists(__file__ + '.go'):\n    time.sleep(0.01)\n"
    server = start_httpd(SITE % f"{ACCESS} process-group=never" +
                         "WSGIDaemonProcess never connect-timeout=1\n"
                         "WSGIImportScript {dir}/scripts/waits.py process-group=never application-group=%{GLOBAL}\n",
                         files={"htdocs/page.txt": "in", "scripts/waits.py": waits})
    assert ask(server).status == 500
    server.expect_log(r"BRINE0601: no process of daemon group 'never' was ready within 1000 ms \(connect-timeout\)")
    server.write("scripts/waits.py.go", "")
    until(lambda: ask(server).status == 200, "the group is ready")


# --- changes -------------------------------------------------------------------------------------


def test_new_code_of_the_script_decides(start_httpd):
    config = SITE % "WSGIAccessScript {dir}/scripts/access.py process-group={process_group}"
    text = "def allow_access(environ, host):\n    return {}\n"
    server = start_httpd(config, files={"htdocs/page.txt": "in", "scripts/access.py": text.format(True)})
    assert ask(server).status == 200
    server.write("scripts/access.py", text.format(False))
    until(lambda: ask(server).status == 403, "the new code decides")
    server.allow_log("BRINE0124")
    server.write("scripts/access.py", "def allow_access(environ\n")
    assert ask(server).status == 403  # WSGIReloadFailure Keep: never more than the last good code allowed
    server.expect_log("BRINE0306|BRINE0301")
    server.allow_log("BRINE03|BRINE06")


# --- TLS -----------------------------------------------------------------------------------------


def test_what_mod_ssl_says_of_the_connection(start_httpd, workspace):
    port, certificate = free_port(), make_certificate(workspace.new_folder())
    server = start(start_httpd, SITE % f"{ACCESS} process-group={{process_group}}" +
                   f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\nServerName localhost\nSSLEngine on\n"
                   f"SSLCertificateFile {certificate}\n</VirtualHost>\n", modules=("socache_shmcb", "ssl"))
    server.allow_log(HARMLESS)
    file = server.folder / "writable" / "seen"

    def variable(name):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT,
                                                 context=ssl._create_unverified_context())
        connection.request("GET", "/page.txt?" + urlencode({"seen": file, "variable": name}))
        assert connection.getresponse().read() == b"in"
        connection.close()
        given = json.loads(file.read_text())
        assert given["https"] is True
        return given["variable"]

    assert variable("SSL_PROTOCOL").startswith("TLSv1")
    assert "BEGIN CERTIFICATE" in variable("SSL_SERVER_CERT")
    assert not variable("SSL_NO_SUCH_VARIABLE")
    assert ask(server, seen=file).status == 200
    assert json.loads(file.read_text())["https"] is False
