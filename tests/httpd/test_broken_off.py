"""Answers that break off behind output filters: the client can tell, whatever a filter drops."""

import json
import os
import subprocess
from urllib.parse import quote

import pytest

from harness.deadline import SCALE

pytestmark = pytest.mark.modes("embedded", "daemon")

FILTERS = {"none": "", "sed": "Sed", "substitute": "SUBSTITUTE", "external": "cat", "deflate": "DEFLATE",
           "two": "Sed;DEFLATE"}
CONFIG = """
Protocols h2c http/1.1
ExtFilterDefine cat mode=output cmd=/bin/cat
CacheRoot {dir}/writable
CacheEnable disk /stored
CacheIgnoreNoLastMod On
WSGIScriptAlias /stored {apps}/replaced.wsgi
""" + "".join(f"""
WSGIScriptAlias /send-{name} {{apps}}/file_wrapper.wsgi
WSGIScriptAlias /app-{name} {{apps}}/late_failure.wsgi
<LocationMatch "^/(send|app)-{name}">
  {"SetOutputFilter " + filters if filters else ""}
  OutputSed s/zzz/y/
  Substitute s/zzz/y/
</LocationMatch>
""" for name, filters in FILTERS.items())
MODULES = ("http2", "sed", "substitute", "ext_filter", "cache", "cache_disk")
SIZE = 16 << 20  # more than sockets and filters hold back


def curl(httpd, path):
    """The exit status of a download over HTTP/2; 92 is that of a stream that was reset."""
    return subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(20 * SCALE), "-o", "/dev/null",
                           "-H", "Accept-Encoding: gzip", httpd.url(path)]).returncode


@pytest.fixture(autouse=True)
def log(httpd):
    yield
    httpd.expect_log("BRINE04(01|13)")
    httpd.allow_log("AH01460|AH01462|AH10")


@pytest.mark.parametrize("name", FILTERS)
def test_an_exception(httpd, name):
    answer = httpd.request("GET", f"/app-{name}?generator", headers={"Accept-Encoding": "gzip"})
    assert not (answer.status == 200 and answer.complete), "the answer looks whole"
    assert curl(httpd, f"/app-{name}?generator") != 0, "the answer looks whole"


@pytest.fixture
def path(httpd):
    path = httpd.folder / "writable" / "content"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))  # mod_deflate finds no repetition so far off
    path.chmod(0o644)
    return path


# An external filter has read all of the file before its client has.
TRUNCATED = [name for name in FILTERS if name != "external"]


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_truncated_file(httpd, path, name):
    with httpd.raw(receive_buffer=65536) as raw:
        raw.send(f"GET /send-{name}{path}?whole HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = raw.read_until(b"\r\n\r\n").lower()
        os.truncate(path, 100_000)
        body = raw.read_to_end()
    if b"content-length" in head:
        assert len(body) < SIZE
    else:
        assert not body.endswith(b"0\r\n\r\n"), "the answer looks whole"


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_truncated_file_over_http_2(httpd, path, name):
    command = ["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(20 * SCALE), "-H", "Accept-Encoding: gzip",
               httpd.url(f"/send-{name}{path}?whole")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        client.stdout.read(1000)
        os.truncate(path, 100_000)
        client.communicate()
    assert client.returncode != 0, "the answer looks whole"


def test_it_is_not_stored(httpd):
    wish = quote(json.dumps({"way": "late", "headers": [["Cache-Control", "max-age=1000"]]}))
    for _ in range(2):
        assert not httpd.get(f"/stored?{wish}").complete
