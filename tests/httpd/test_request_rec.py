"""WSGIPassApacheRequest: httpd's own structure of a request, for extension modules, in httpd's own processes alone."""

import json

import pytest

CONFIG = """
WSGIPassApacheRequest On
WSGIScriptAlias /app {apps}/request_rec.wsgi
WSGIScriptAlias /off {apps}/request_rec.wsgi
WSGIScriptAlias /keys {apps}/environ.wsgi
<Location /off>
  WSGIPassApacheRequest off
</Location>
<Directory {htdocs}>
  WSGIAccessScript {apps}/decides.wsgi process-group={process_group}
</Directory>
"""


@pytest.mark.modes("embedded")
@pytest.mark.axes("python", "interpreter", "mpm")
def test_an_extension_module_finds_httpds_structure(httpd):
    assert httpd.get("/app?a=b").text == "GET /app?a=b HTTP/1.1"
    assert httpd.get("/keys").json()["apache.request_rec"][0] == "PyCapsule"


def test_no_daemon_process_has_it(httpd):
    expected = "GET /app HTTP/1.1" if httpd.variant.mode == "embedded" else "none"
    assert httpd.get("/app").text == expected


def test_off_means_off(httpd):
    assert httpd.get("/off").text == "none"


@pytest.mark.modes("embedded")
@pytest.mark.axes("python")
def test_a_capsule_is_of_no_use_after_its_request(httpd):
    for _ in range(40):
        assert httpd.get("/app?keep").text == "kept"
        said = httpd.get("/app?kept").text
        if said != "none kept":
            break
    assert said == "ValueError, apache.request_rec of a request that is over, False"


def test_deciding_scripts_have_it_too(httpd):
    httpd.write("htdocs/page.txt", "in")
    file = httpd.folder / "writable" / "seen"
    assert httpd.get(f"/page.txt?seen={file}").text == "in"
    assert ("apache.request_rec" in json.loads(file.read_text())["keys"]) == (httpd.variant.mode == "embedded")


# --- What is said about daemon groups --------------------------------------------------------------

ON = "<Location />\nWSGIPassApacheRequest On\n</Location>\n"


@pytest.mark.modes("embedded")
def test_httpd_t_says_once_that_groups_do_not_have_it(configtest):
    passed, said = configtest(f"{ON}{ON}<VirtualHost *:*>\n{ON}</VirtualHost>\nWSGIDaemonProcess site\n")
    line, = (line for line in said.splitlines() if "BRINE0023" in line)
    assert passed and ":warn]" in line and "httpd.conf:" in line


@pytest.mark.modes("embedded")
def test_a_start_says_it_quietly(start_httpd):
    server = start_httpd(f"LogLevel wsgi:info\n{ON}WSGIDaemonProcess site threads=1\n")
    line, = server.log.texts("BRINE0023", since=0)
    assert "no effect in daemon groups" in line


@pytest.mark.modes("embedded")
@pytest.mark.parametrize("text", [ON, "WSGIPassApacheRequest Off\nWSGIDaemonProcess site\n"])
def test_nothing_is_said_where_nothing_is_missed(configtest, text):
    passed, said = configtest(text)
    assert passed and "BRINE0023" not in said
