"""Answers without a body: HEAD, 204, 304. They end with their head, however long the body is."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import SCALE, until

pytestmark = pytest.mark.modes("embedded", "daemon")

CONFIG = """
Protocols h2c http/1.1
WSGIScriptAlias /app {apps}/bodyless.wsgi
WSGIScriptAlias /shape {apps}/response.wsgi
WSGIScriptAlias /z {apps}/bodyless.wsgi
<Location /z>
  SetOutputFilter DEFLATE
</Location>
<Location /missing>
  ErrorDocument 404 /app{dir}/writable/error-page?endless
</Location>
"""
MODULES = ("http2",)
ENDLESS = ["endless", "empty-first", "write", "file", "empties", "write-empties"]
BODYLESS = [("HEAD", ""), ("GET", "204"), ("GET", "304"), ("HEAD", "304")]
HEAD = ("Content-Length", "Content-Encoding", "Vary", "Content-Type")
TIMES = 50


@pytest.fixture
def note(httpd):
    """The file in which the application notes its blocks and the calls of close()."""
    path = httpd.folder / "writable" / "note"
    path.unlink(missing_ok=True)
    return path


def text(note):
    return note.read_text() if note.exists() else ""


def closed(note):
    until(lambda: text(note).endswith("c"), "close() is called")
    return text(note)


# --- bodies without an end --------------------------------------------------------------------------


@pytest.mark.parametrize("method, status", BODYLESS)
@pytest.mark.parametrize("kind", ENDLESS)
def test_an_endless_body_ends_with_the_head(httpd, note, kind, method, status):
    connection = httpd.connect()
    for _ in range(2):  # and the connection stays in step
        note.unlink(missing_ok=True)
        connection.request(method, f"/app{note}?{kind}&{status}")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (int(status or 200), b"")
        assert not answer.will_close
        assert closed(note).count("c") == 1
        assert text(note).count("b") <= (40 if "empties" in kind else 4)
    connection.request("GET", "/shape?list")
    assert connection.getresponse().read() == b"one block"
    connection.close()


def test_more_requests_than_threads(httpd, note):
    """Each of them gives its thread back."""
    for _ in range(40):
        assert httpd.request("HEAD", f"/app{note}?endless").status == 200


def test_error_document(httpd):
    note = httpd.folder / "writable" / "error-page"
    note.unlink(missing_ok=True)
    assert httpd.request("HEAD", "/missing").reason == "Said So"
    assert closed(note).count("b") == 1


@pytest.mark.parametrize("kind", ["write", "write-once", "write-empties"])
def test_write_that_is_stopped_is_no_error(httpd, note, kind):
    assert httpd.request("HEAD", f"/app{note}?{kind}").status == 200
    # The fixture finds no error in the log.


def test_write_without_end_beyond_content_length(httpd, note):
    """Likewise where the client has all that Content-Length announced."""
    answer = httpd.get(f"/app{note}?write&200&1500")
    assert (len(answer.body), answer.complete) == (1500, True)
    closed(note)
    httpd.expect_log("BRINE0405")


# --- Content-Length is what GET would have -----------------------------------------------------------


@pytest.mark.parametrize("kind, stated", [
    ("list", ""), ("list", "8"), ("list", "4"), ("large", ""), ("none", ""), ("block", ""),
    ("block", "4"), ("block", "2"), ("blocks", ""), ("blocks", "1008"), ("blocks", "6"),
    ("empty", ""), ("write-once", ""), ("write-once", "8"), ("write-once", "6"),
])
@pytest.mark.parametrize("filtered", [False, True])
def test_the_same_head_as_get(httpd, note, kind, stated, filtered):
    path = f"/{'z' if filtered else 'app'}{note}?{kind}&200&{stated}"
    heads = []
    for method in ("GET", "HEAD"):
        answer = httpd.request(method, path, headers={"Accept-Encoding": "gzip"})
        heads.append({name: answer.header(name) for name in HEAD})
    if heads[0]["Content-Length"] == "0":  # httpd drops a zero under HEAD
        heads[0]["Content-Length"] = None
    assert heads[0] == heads[1]
    httpd.allow_log("BRINE0405")


@pytest.mark.parametrize("kind", ["none", "list", "block", "blocks"])
def test_the_applications_own_length(httpd, note, kind):
    """An application may know the length and spare itself the body."""
    assert httpd.request("HEAD", f"/app{note}?{kind}&200&5000").header("Content-Length") == "5000"


# --- HTTP/2 -------------------------------------------------------------------------------------------


def curl(httpd, path):
    """One HEAD over a connection of its own: the status, or curl's complaint."""
    result = subprocess.run(["curl", "-sSI", "--http2-prior-knowledge", "--max-time",
                             str(20 * SCALE), "-H", "Accept-Encoding: gzip", httpd.url(path)],
                            capture_output=True, text=True)
    return result.stderr or result.stdout.split("\n")[0].strip()


def nghttp(httpd, path, times):
    """So many HEADs over one connection: what came, a line for each field and frame."""
    result = subprocess.run(["nghttp", "-nv", "-m", str(times), "-H:method: HEAD",
                             httpd.url(path)], capture_output=True, text=True,
                            timeout=20 * SCALE)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_http_2_by_curl(httpd, note):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: curl(httpd, f"/app{note}?blocks"), range(TIMES)))
    assert answers == ["HTTP/2 200"] * TIMES


@pytest.mark.parametrize("path", ["app", "z"])
@pytest.mark.parametrize("kind", ["blocks", "endless", "write", "file", "list", "large", "empties"])
def test_http_2_by_nghttp(httpd, note, kind, path):
    said = nghttp(httpd, f"/{path}{note}?{kind}", TIMES)
    assert said.count(":status: 200") == TIMES
    assert not re.search(r"recv (RST_STREAM|GOAWAY|DATA frame <length=[1-9])", said)
