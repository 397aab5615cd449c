"""WSGIResponseBuffering: responses that are kept until they are complete, or too large."""

import pytest

from harness import client, processes
from harness.deadline import until

CONFIG = """
WSGIScriptAlias /shape {apps}/response.wsgi
WSGIScriptAlias /errors {apps}/errors.wsgi
WSGIScriptAlias /length {apps}/length.wsgi
WSGIScriptAlias /send {apps}/file_wrapper.wsgi
WSGIScriptAlias /events {apps}/events.wsgi
WSGIScriptAlias /late {apps}/late_failure.wsgi
WSGIResponseBuffering 1M
<LocationMatch /off>
  WSGIResponseBuffering Off
</LocationMatch>
<LocationMatch /small>
  WSGIResponseBuffering 1000
</LocationMatch>
ErrorDocument 500 "httpd's own page"
"""
SHAPES = ["list", "tuple", "generator", "iterable", "empty-list", "empty-generator", "empty-blocks",
          "many", "many-generator", "large", "write-and-list", "lazy"]


@pytest.mark.parametrize("where", ["", "/small"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(httpd, shape, where):
    plain = httpd.get(f"/shape/off?{shape}")
    kept = httpd.get(f"/shape{where}?{shape}")
    assert (kept.status, kept.body, kept.complete) == (plain.status, plain.body, True)


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 1_048_576, 1_048_577, 3_000_000])
def test_sizes(httpd, size):
    """As a generator of small blocks; one that is kept whole has a length."""
    answer = httpd.get(f"/length?{size}={size}")
    assert (answer.status, answer.body, answer.complete) == (200, b"x" * size, True)
    answer = httpd.get("/shape?many-generator")
    assert answer.header("Content-Length") == str(len(answer.body))
    assert httpd.get("/shape/off?many-generator").header("Content-Length") is None


def test_a_failure_is_told(httpd):
    """Nothing has been sent: the client gets a page, not a broken connection."""
    answer = httpd.get("/errors?plain-later")
    assert (answer.status, answer.text) == (500, "httpd's own page")
    httpd.expect_log("BRINE0401")
    answer = httpd.get("/length?4500=10")
    assert (answer.status, answer.complete) == (500, True)
    httpd.expect_log("BRINE0406")


def test_a_failure_after_size_is_cut(httpd):
    answer = httpd.get("/length/small?400000=300000")
    assert (answer.status, answer.complete) == (200, False)
    httpd.expect_log("BRINE0406")


@pytest.mark.modes("daemon")
def test_a_process_that_dies_after_the_last_byte(httpd):
    """The answer is here whole, and the client gets it so."""
    answer = httpd.get("/late?die&8")
    assert (answer.status, answer.body, answer.complete) == (200, b"12345678", True)
    httpd.expect_log("BRINE0603")
    httpd.expect_log("BRINE0610: ")
    httpd.allow_log(r"BRINE0610\|")
    until(lambda: httpd.get("/late?generator-good&8").status == 200, "a new process serves")


@pytest.mark.parametrize("size", [0, 10, 200_000, 3_000_000])
def test_files(httpd, size):
    path = httpd.write("htdocs/file", "z" * size)
    assert httpd.get(f"/send{path}?whole").body == b"z" * size


@pytest.mark.parametrize("shape", SHAPES)
def test_head(httpd, shape):
    """It ends with the first block, which is not to be taken for the whole."""
    lengths = [httpd.request(method, f"/shape?{shape}").header("Content-Length")
               for method in ("GET", "HEAD")]
    assert lengths[1] in (lengths[0], None)
    if shape in ("list", "tuple", "many", "large"):
        assert lengths[1] == lengths[0]


def test_the_length_that_the_application_states_for_head(httpd):
    for sent in ("0", "10", "4500", "10=list", "100000=list"):
        answer = httpd.request("HEAD", f"/length?500000={sent}")
        assert (answer.status, answer.header("Content-Length")) == (200, "500000")


def test_an_event_stream_is_not_kept(httpd):
    with httpd.raw() as raw:
        raw.send(b"GET /events?stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert raw.read_until(b"data: 3\n\n")
        httpd.get("/events/go?stream")
        raw.read_to_end()


def test_blocks_are_kept(httpd):
    """Until the application has ended: the first one comes with the last one."""
    with httpd.raw() as raw:
        raw.send(b"GET /events?text HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        until(lambda: httpd.get("/events/waiting?text").text == "1", "it waits after its blocks")
        raw.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            raw.socket.recv(1)
        raw.socket.settimeout(client.TIMEOUT)
        httpd.get("/events/go?text")
        assert raw.read_to_end().endswith(b"data: 1\n\ndata: 2\n\ndata: 3\n\n")


def test_a_folder_that_cannot_be_written(start_httpd):
    server = start_httpd(CONFIG, env={"TMPDIR": "/proc"})
    assert len(server.get("/length?60000=60000").body) == 60_000
    answer = server.get("/length?500000=500000")
    assert (answer.status, answer.body) == (200, b"x" * 500_000)
    server.expect_log("BRINE0119: .*'/proc'", count=1)


def test_files_are_closed(httpd):
    httpd.get("/length?500000=500000")

    def left():
        return [name for pid in processes.in_session(httpd.pid)
                for name in processes.descriptors(pid).values() if "/var/tmp/" in name]
    until(lambda: not left(), "no temporary file is open")
