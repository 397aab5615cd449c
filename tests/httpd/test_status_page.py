"""The page that shows the server's numbers (in a real browser), and the answer for load balancers (brine-health)."""

import re
import shutil
import subprocess

import pytest

from harness.deadline import SCALE, until
from harness.metrics import CONFIG as STATUS, scrape

pytestmark = pytest.mark.modes("groups")

CONFIG = STATUS + """
<Location "/brine-health">
SetHandler brine-health
</Location>
WSGIDaemonProcess site processes=2 threads=2
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%{GLOBAL}
WSGIScriptAlias /limits {apps}/daemon_limits.wsgi process-group=site application-group=%{GLOBAL}
"""
BROKEN = """
WSGIDaemonProcess broken home=/no/such/folder
WSGIScriptAlias /broken {apps}/pid.wsgi process-group=broken application-group=%{GLOBAL}
"""


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """browse(url, "<h2>"): the document as a browser has drawn it after some seconds of its own time, which has this text.

    On a busy machine these seconds may be over before it has drawn anything: then it is asked again.
    """
    browser = shutil.which("chromium")
    assert browser, "tests/run installs chromium"

    def draw(url):
        profile = tmp_path_factory.mktemp("profile")
        answer = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
             "--enable-logging=stderr", "--virtual-time-budget=7000", "--dump-dom", url],
            capture_output=True, text=True, timeout=60 * SCALE)
        assert "CONSOLE" not in answer.stderr, answer.stderr
        return answer.stdout

    return lambda url, text: until(lambda: text in (dom := draw(url)) and dom, f"a page with {text}", 30)


def test_the_page_draws_itself(httpd, browse):
    until(lambda: scrape(httpd).sum("brine_processes", process_group="site", state="ready") == 2, "both processes are ready")
    pid = httpd.get("/app").text
    dom = browse(httpd.url("/brine-status?format=html"), "Requests: now ")
    assert re.search(r"<h2>Daemon group site</h2>.*2 of 2", dom, re.S)
    assert f"<td>{pid}</td>" in dom and "pid.wsgi" in dom
    assert re.search(r'<svg[^>]* aria-label="Requests: now [^"]*"', dom), "it has looked more than once"
    assert 'role="status"></p>' in dom, "there is no trouble"
    for table in re.findall(r"<table>.*?</table>", dom, re.S):
        assert "<caption>" in table and '<th scope="col">' in table


def test_a_browser_gets_the_page_and_nothing_from_elsewhere(httpd):
    answer = httpd.get("/brine-status", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.header("Content-Security-Policy").startswith("default-src 'none'")
    assert not re.findall(r"""(?:src|href)=["'](?!\?format=)|url\(|@import|https?://(?!www\.w3\.org/2000/svg)""", answer.text)
    assert "prefers-color-scheme: dark" in answer.text


def test_what_has_happened_lately_is_on_the_page(start_httpd, browse):
    server = start_httpd(CONFIG + "WSGIScriptAlias /raises {dir}/raises.wsgi process-group=site\n", files={
        "raises.wsgi": "def application(environ, start_response):\n    raise ValueError('<i>not here</i>')\n"})
    server.allow_log("BRINE0401")
    for _ in range(2):
        assert server.get("/raises").status == 500
    dom = browse(server.url("/brine-status?format=html"), "<details")
    error, = re.findall(r"<details.*?</details>", dom, re.S)
    assert "BRINE0401" in error and "&lt;i&gt;not here&lt;/i&gt;" in error and "<i>" not in dom
    assert "(2 times)" in error and "What to do: " in error
    assert "<caption>Code</caption>" in dom and "<caption>Starts, reloads and ends of processes</caption>" in dom


def test_names_are_text_and_no_markup(start_httpd, browse):
    server = start_httpd(CONFIG + """
WSGIDaemonProcess "<b>bold</b>" threads=1
""")
    dom = browse(server.url("/brine-status?format=html"), "<h2>")
    assert "Daemon group &lt;b&gt;bold&lt;/b&gt;" in dom and "<b>" not in dom


def health(server, name=""):
    answer = server.get(f"/brine-health{name}")
    return answer.status, answer.text


def test_a_group_with_a_ready_process_is_healthy(httpd):
    until(lambda: health(httpd, "/site") == (200, "ready\n"), "a process is ready")
    assert health(httpd) == (200, "ready\n")
    assert httpd.get("/brine-health/site").header("Cache-Control") == "no-store"
    assert health(httpd, "/nobody")[0] == 404
    assert httpd.request("HEAD", "/brine-health/site").status == 200


@pytest.mark.parametrize("path", ["/brine-health/site", "/brine-status"])
def test_other_methods_are_told_which_there_are(httpd, path):
    answer = httpd.request("POST", path, b"")
    allowed = httpd.request("OPTIONS", path)
    assert (answer.status, allowed.status) == (405, 200)
    for each in (answer, allowed):
        assert set(each.header("Allow").split(",")) - {"TRACE"} == {"GET", "HEAD", "OPTIONS"}


def test_a_group_out_of_order_is_not(start_httpd):
    server = start_httpd(CONFIG + BROKEN)
    server.allow_log("BRINE0020")
    until(lambda: health(server, "/site")[0] == 200, "a process is ready")
    assert health(server, "/broken") == (503, "no process of daemon group 'broken' is ready\n")
    assert health(server) == (503, "no process of daemon group 'broken' is ready\n")


def test_a_group_whose_processes_are_still_loading_is_not(start_httpd):
    server = start_httpd(CONFIG + """
WSGIDaemonProcess slow
WSGIImportScript {dir}/slow.wsgi process-group=slow application-group=%{GLOBAL}
""", files={"slow.wsgi": "import os, time\nwhile not os.path.exists(__file__ + '.go'):\n    time.sleep(0.01)\n"})
    assert health(server, "/slow")[0] == 503
    server.write("slow.wsgi.go", "")
    until(lambda: health(server, "/slow")[0] == 200, "it has loaded")


def test_over_a_restart_a_group_is_healthy_again_when_its_new_processes_are(httpd):
    until(lambda: health(httpd, "/site")[0] == 200, "a process is ready")
    httpd.reload()
    until(lambda: health(httpd, "/site")[0] == 200, "a new process is ready")
