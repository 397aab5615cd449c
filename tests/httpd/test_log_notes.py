"""Notes for LogFormat: what a request met, in the access log."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.build import REPOSITORY
from harness.deadline import SCALE, until
from harness.metrics import CONFIG as STATUS, alone

NOTES = 'LogFormat "%U %{brine-queue}n %{brine-app}n %{brine-deliver}n %{brine-pid}n %{brine-group}n %{brine-script}n" notes\n'
APP = """
CustomLog {dir}/notes.log notes
WSGIScriptAlias /app {apps}/joined.wsgi
WSGIScriptAlias /pid {apps}/pid.wsgi
ErrorDocument 500 /sorry.html
"""
CONFIG = NOTES + APP
SHOWN_BY_HTACCESS = """
Alias /site {dir}/site
<Directory {dir}/site>
  Options +ExecCGI
  AllowOverride FileInfo
  AddHandler wsgi-script .wsgi
</Directory>
"""
HTACCESS = 'Header set X-Script "expr=%{note:brine-script}"\n'


def files():
    return {"site/.htaccess": HTACCESS, "site/pid.wsgi": (REPOSITORY / "tests/apps/pid.wsgi").read_text()}


def line(server, path, condition=lambda notes: True):
    """The notes of the first such request for a path, as the access log has them."""
    file = server.folder / "notes.log"

    def found():
        lines = [each.split(" ") for each in file.read_text().splitlines()] if file.exists() else []
        return next((rest for where, *rest in lines if where == path and condition(rest)), None)

    return until(found, "the line in the access log")


@pytest.mark.axes("mpm", "python", "interpreter")
def test_what_a_request_met(httpd, variant):
    answer = httpd.get("/app/wait?0.3")
    assert answer.status == 200
    queue, app, deliver, pid, group, script = line(httpd, "/app/wait")
    assert 300_000 <= int(app) < 30_000_000
    assert 0 <= int(queue) < 30_000_000 and 0 <= int(deliver) < 30_000_000
    assert group == ("group" if variant.mode == "daemon" else "%{GLOBAL}")
    assert script.endswith("/apps/joined.wsgi")
    assert int(pid) > 0


def test_the_pid_is_that_of_the_process_that_serves(httpd):
    assert httpd.get("/pid").body.decode() == line(httpd, "/pid")[3]


def test_what_no_script_serves_has_none(httpd):
    httpd.get("/nothing")
    assert line(httpd, "/nothing") == ["-"] * 6


def test_a_request_that_ends_on_an_error_page_has_them(httpd):
    (httpd.folder / "htdocs" / "sorry.html").write_text("sorry")
    httpd.allow_log("BRINE0401|Traceback|raised here|AH0")
    assert httpd.get("/app/raise").text == "sorry"
    assert line(httpd, "/app/raise")[5].endswith("/apps/joined.wsgi")


@pytest.mark.modes("groups")
def test_a_request_that_no_process_took_up_has_a_queue_and_no_process(start_httpd):
    server = start_httpd(CONFIG + STATUS + f"""
        WSGIDaemonProcess site processes=1 threads=1 queue-timeout={300 * SCALE:g}ms
        WSGIProcessGroup site
        WSGIApplicationGroup %{{GLOBAL}}
        """)
    hold = server.folder / "writable" / "hold"
    hold.parent.mkdir(exist_ok=True)
    hold.write_text("")
    until(lambda: server.get("/pid").status == 200, "a process is ready, which may take longer than the line allows")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.get, "/app/wait?60", X_File=str(hold))
        alone(server, "GET /app/wait")
        assert server.get("/pid").status == 504
        hold.unlink()
        assert first.result().status == 200
    server.expect_log("BRINE0602")
    queue, app, deliver, pid, group, _ = line(server, "/pid", lambda notes: notes[3] == "-")
    assert int(queue) >= 300_000 * SCALE and (app, deliver, pid, group) == ("-", "-", "-", "site")


def test_where_nothing_names_them_none_is_set(start_httpd):
    """They cost a request nothing. What an .htaccess file says is not looked at, so it shows that there are none."""
    server = start_httpd(SHOWN_BY_HTACCESS, files=files())
    answer = server.get("/site/pid.wsgi")
    assert answer.status == 200 and answer.header("X-Script") in (None, "")


@pytest.mark.parametrize("directive", ['LogFormat "%{Brine-App}n %U" other', "SetEnvIfExpr \"note('brine-app') -eq 1\" X=1",
                                       '<IfModule !none>\n<Location /x>\nHeader set X "expr=%{note:brine-pid}"\n</Location>\n</IfModule>'])
def test_wherever_the_configuration_names_one_all_are_set(start_httpd, directive):
    server = start_httpd(directive + "\n" + SHOWN_BY_HTACCESS, files=files())
    assert server.get("/site/pid.wsgi").header("X-Script").endswith("/pid.wsgi")
