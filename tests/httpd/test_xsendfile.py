"""X-Sendfile: files that mod_xsendfile sends in place of an application's body."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.config import MODULE_FOLDER

MODULES = ("xsendfile",)
CONFIG = """
WSGIScriptAlias /on {apps}/replaced.wsgi
WSGIScriptAlias /off {apps}/replaced.wsgi
<Location /on>
  XSendFile On
  XSendFilePath {dir}/private
</Location>
"""
CONTENT = b"".join(b"%07d\n" % i for i in range(20000))

pytestmark = pytest.mark.skipif(not Path(MODULE_FOLDER, "mod_xsendfile.so").exists(),
                                reason="mod_xsendfile is not installed")


@pytest.fixture
def path(httpd):
    return httpd.write("private/file", CONTENT.decode())


def ask(httpd, path, url="/on", method="GET", **wish):
    fields = [*wish.pop("fields", ()), ["X-Sendfile", str(path)]]
    return httpd.request(method, f"{url}?{quote(json.dumps({'headers': fields, **wish}))}")


@pytest.mark.parametrize("way", ["empty", "list", "generator", "endless"])
@pytest.mark.parametrize("length", [[], [["Content-Length", str(len(CONTENT))]]], ids=["", "length"])
def test_the_file_is_sent(httpd, path, way, length):
    """With the file's length beside an empty body too, as django-sendfile's backend sets it."""
    answer = ask(httpd, path, way=way, fields=[["Content-Type", "application/pdf"], *length])
    assert (answer.status, answer.body, answer.complete) == (200, CONTENT, True)
    assert answer.header("X-Sendfile") is None
    assert answer.header("Content-Type") == "application/pdf"


def test_head(httpd, path):
    answer = ask(httpd, path, method="HEAD", fields=[["Content-Length", str(len(CONTENT))]])
    assert (answer.status, answer.body) == (200, b"")


def test_the_connection_stays_in_step(httpd, path):
    connection = httpd.connect()
    wish = quote(json.dumps({"headers": [["X-Sendfile", str(path)], ["Content-Length", "160000"]]}))
    for _ in range(3):
        connection.request("GET", f"/on?{wish}")
        assert connection.getresponse().read() == CONTENT
    connection.close()


def test_without_the_module_it_is_only_a_header(httpd, path):
    answer = ask(httpd, path, "/off", way="list")
    assert (answer.body, answer.header("X-Sendfile")) == (b"SECRET", str(path))
    assert not ask(httpd, path, "/off", fields=[["Content-Length", "9"]]).complete
    httpd.expect_log("BRINE0406")
