"""wsgi.file_wrapper: files and what looks like one, whole and in part."""

import hashlib
import os

import pytest

from harness.deadline import until

CONFIG = """
WSGIScriptAlias /send {apps}/file_wrapper.wsgi
WSGIScriptAlias /nosend {apps}/file_wrapper.wsgi
<Location /nosend>
  WSGIEnableSendfile Off
</Location>
"""
CONTENT = b"".join(b"%07d\n" % i for i in range(20000))
EXPECTED = {
    "whole": CONTENT, "unbuffered": CONTENT, "block": CONTENT, "offset": CONTENT[10:], "end": b"",
    "length": CONTENT[:100], "sized": CONTENT, "slice": CONTENT[10:60], "pipe": b"through a pipe",
    "bytesio": b"in memory" * 1000, "only-read": b"only read" * 1000, "attributes": CONTENT,
    "subclass": CONTENT, "written": b"written first " + CONTENT, "middleware": CONTENT,
    "closing": CONTENT,
}
SIZED = ["sized", "whole", "unbuffered", "offset", "end", "length", "slice", "attributes", "subclass"]


@pytest.fixture
def path(httpd):
    """A file for httpd's user to read, in a folder where it may write."""
    path = httpd.folder / "writable" / "content"
    path.write_bytes(CONTENT)
    path.chmod(0o644)
    return path


@pytest.mark.axes("python")
@pytest.mark.parametrize("mount", ["/send", "/nosend"])
@pytest.mark.parametrize("way", EXPECTED)
def test_ways_to_send(httpd, path, way, mount):
    answer = httpd.get(f"{mount}{path}?{way}")
    assert (answer.status, answer.complete) == (200, True)
    assert answer.body == EXPECTED[way]
    assert answer.header("Content-Type") == "text/x-file"


@pytest.mark.parametrize("way", SIZED)
def test_a_file_has_a_length(httpd, path, way):
    answer = httpd.get(f"/send{path}?{way}")
    assert answer.header("Content-Length") == str(len(EXPECTED[way]))


@pytest.mark.parametrize("way", EXPECTED)
def test_head(httpd, path, way):
    answer = httpd.request("HEAD", f"/send{path}?{way}")
    assert (answer.status, answer.body) == (200, b"")
    if way in SIZED and EXPECTED[way]:  # httpd drops a zero under HEAD
        assert answer.header("Content-Length") == str(len(EXPECTED[way]))


def test_the_connection_stays_in_step(httpd, path):
    connection = httpd.connect()
    for way in ("whole", "slice", "pipe", "end", "whole"):
        connection.request("GET", f"/send{path}?{way}")
        assert connection.getresponse().read() == EXPECTED[way]
    connection.close()


def test_a_length_beyond_the_file_is_cut_visibly(httpd, path):
    answer = httpd.get(f"/send{path}?long")
    assert not answer.complete
    httpd.expect_log("BRINE0406")


@pytest.mark.axes("python")
def test_the_file_is_closed_once(httpd, path):
    note = path.with_name("content.closed")
    for method in ("GET", "HEAD"):
        note.unlink(missing_ok=True)
        httpd.request(method, f"/send{path}?closing")
        until(lambda: note.exists() and note.read_text() == "c", "close()")


def test_no_descriptor_is_left(httpd, path):
    for way in EXPECTED:
        httpd.get(f"/send{path}?{way}")
    until(lambda: str(path) not in str(httpd.open_files()), "the file is closed")


def test_a_file_that_is_gone_already(httpd, path):
    assert httpd.get(f"/send{path}?deleted").body == CONTENT


TEXTS = {
    "text": (b"caf\xe9\r\nsecond \xff\x00line\n" * 3000,) * 2,  # its bytes, whatever they mean as text
    "text-read": ("first\ncaf\u00e9\nlast".encode() * 3000, ("caf\u00e9\nlastfirst\n".encode() * 3000)[:-6]),
    "text-iterated": ("first\ncaf\u00e9\nlast".encode() * 3000, ("caf\u00e9\nlastfirst\n".encode() * 3000)[:-6]),
    "text-memory": (b"", "caf\u00e9 ".encode() * 5000),
    "utf-16": (("first\ncaf\u00e9\n" * 2000).encode("utf-16-le"), ("caf\u00e9\nfirst\n" * 2000)[:-6].encode("utf-16-le")),
}


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", TEXTS)
def test_a_file_that_is_open_as_text_is_sent(httpd, path, way):
    content, expected = TEXTS[way]
    path.write_bytes(content)
    answer = httpd.get(f"/send{path}?{way}")
    assert (answer.status, answer.complete) == (200, True)
    assert answer.body == expected
    httpd.allow_log("BRINE0414")  # once an interpreter


@pytest.mark.parametrize("name", ["/proc/version", "/proc/self/status", "/proc/cpuinfo", "/sys/kernel/mm/transparent_hugepage/enabled",
                                  "/sys/kernel/notes", "/proc/sys/kernel/ostype", "/sys/fs/cgroup/cgroup.controllers"])
@pytest.mark.parametrize("way", ["whole", "unbuffered", "text", "offset", "sized"])
def test_a_file_whose_size_lies_is_read(httpd, name, way):
    if not os.access(name, os.R_OK):
        pytest.skip(f"no {name} here")
    answer = httpd.get(f"/send{name}?{way}")
    assert (answer.status, answer.complete) == (200, True)
    with open(name, "rb") as file:
        expected = file.read()[10 if way == "offset" else 0:]
    if name not in ("/proc/self/status", "/proc/cpuinfo"):
        assert answer.body == expected
    assert answer.body[:5] == expected[:5] or way == "offset"
    assert answer.body or len(expected) < 2
    httpd.allow_log("BRINE0414")


@pytest.mark.parametrize("name", ["/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled"])
def test_head_of_a_file_whose_size_lies(httpd, name):
    answer = httpd.request("HEAD", f"/send{name}?sized")
    assert (answer.status, answer.header("Content-Length")) == (200, None)


def test_an_empty_file_has_its_length(httpd, path):
    os.truncate(path, 0)
    answer = httpd.get(f"/send{path}?sized")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "0")


def test_a_sparse_file_is_sent_by_its_size(httpd, path):
    os.truncate(path, 0)
    os.truncate(path, 300_000)
    answer = httpd.get(f"/send{path}?whole")
    assert (answer.body, answer.header("Content-Length")) == (bytes(300_000), "300000")


@pytest.mark.axes("mpm")
def test_large_file(httpd, path):
    block, count = os.urandom(1 << 20), 64
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(count):
            file.write(block)
            digest.update(block)
    for mount in ("/send", "/nosend"):
        body = httpd.get(f"{mount}{path}?whole").body
        assert hashlib.sha256(body).digest() == digest.digest()


@pytest.mark.axes("mpm")
def test_client_that_goes_away(httpd, path):
    path.write_bytes(CONTENT * 100)
    with httpd.raw() as raw:
        raw.send(f"GET /send{path}?whole HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        raw.read_until(CONTENT[:100])
        raw.reset()
    until(lambda: str(path) not in str(httpd.open_files()), "the file is closed")


def test_http_1_0(httpd, path):
    data = httpd.exchange(f"GET /send{path}?whole HTTP/1.0\r\n\r\n".encode())
    assert data.partition(b"\r\n\r\n")[2] == CONTENT
