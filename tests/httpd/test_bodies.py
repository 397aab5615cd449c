"""Bodies whose length environ would lack: chunked, over HTTP/2, changed by an input filter."""

import gzip
import hashlib
import json
import os
import resource
import subprocess

import pytest

from harness import processes
from harness.deadline import SCALE, until

CONFIG = """
Protocols h2c http/1.1
WSGIScriptAlias /length {apps}/by_length.wsgi
<Location /length/stream>
  WSGIChunkedRequest Stream
</Location>
<Location /length/off>
  WSGIChunkedRequest Off
</Location>
<LocationMatch /limited>
  LimitRequestBody 100000
</LocationMatch>
<LocationMatch /inflate>
  SetInputFilter DEFLATE
</LocationMatch>
<LocationMatch /buffered>
  WSGIRequestBuffering 1M
</LocationMatch>
<LocationMatch /kept>
  KeptBodySize 100000
</LocationMatch>
WSGIScriptAlias /echo {apps}/duplex.wsgi
<Location /echo>
  WSGIChunkedRequest Stream
  KeptBodySize 1000
</Location>
<Location /length/limited/page>
  ErrorDocument 413 /length
</Location>
"""
MODULES = ("http2", "request")
SIZES = [0, 1, 65535, 65536, 65537, 3_000_001]


def pieces(body, size=50_000):
    return iter([body[at:at + size] for at in range(0, len(body), size)])


def expected(body):
    return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rest": 0}


def seen(answer, body):
    """What the application saw, after what it read has been compared with the body."""
    assert answer.status == 200
    told = answer.json()
    assert {name: told.pop(name) for name in expected(body)} == expected(body)
    assert told.pop("wsgi.input_terminated") is True
    return told


@pytest.mark.parametrize("size", SIZES)
def test_a_chunked_body(httpd, size):
    body = os.urandom(size)
    assert seen(httpd.post("/length?rest", pieces(body)), body) == {
        "CONTENT_LENGTH": str(size), "SERVER_PROTOCOL": "HTTP/1.1"}


def over_http2(httpd, path, body):
    """Sends a body over HTTP/2 without Content-Length; the answer and its status."""
    result = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(20 * SCALE),
                             "-X", "POST", "-T", "-", "-w", " %{http_code}", httpd.url(path)],
                            input=body, capture_output=True)
    text, _, status = result.stdout.decode().rpartition(" ")
    return text, int(status)


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_body_over_http_2_without_length(httpd, size):
    body = os.urandom(size)
    text, status = over_http2(httpd, "/length?rest", body)
    assert status == 200
    told = json.loads(text)
    assert {name: told[name] for name in expected(body)} == expected(body)
    assert (told["SERVER_PROTOCOL"], told["CONTENT_LENGTH"]) == ("HTTP/2.0", str(size))


def test_a_request_without_body_has_no_length(httpd):
    for protocol in ("--http1.1", "--http2-prior-knowledge"):
        text = subprocess.run(["curl", "-sS", protocol, httpd.url("/length/inflate?rest")],
                              capture_output=True, check=True).stdout
        told = json.loads(text)
        assert told["size"] == told["rest"] == 0 and "CONTENT_LENGTH" not in told


@pytest.mark.parametrize("plain", [b"", b"x", os.urandom(70_000), os.urandom(9_000) * 200],
                         ids=["empty", "one", "in-a-file", "large"])
@pytest.mark.parametrize("send", [bytes, pieces], ids=["sized", "chunked"])
def test_a_body_that_is_inflated(httpd, plain, send):
    """mod_deflate: environ gets the length that the application can read."""
    answer = httpd.post("/length/inflate?rest", send(gzip.compress(plain)), Content_Encoding="gzip")
    assert seen(answer, plain) == {"CONTENT_LENGTH": str(len(plain)), "SERVER_PROTOCOL": "HTTP/1.1"}


@pytest.mark.parametrize("size", SIZES)
def test_a_filter_that_has_nothing_to_do(httpd, size):
    body = os.urandom(size)
    assert seen(httpd.post("/length/inflate?rest", body), body)["CONTENT_LENGTH"] == str(size)


@pytest.mark.parametrize("size", [1_000_000, 1 << 20, 3_000_001])
def test_a_body_that_is_buffered(httpd, size):
    body = os.urandom(size)
    assert seen(httpd.post("/length/buffered?rest", body), body)["CONTENT_LENGTH"] == str(size)


def test_stream_leaves_the_body_to_the_application(httpd):
    told = httpd.post("/length/stream?rest", pieces(b"x" * 200_000)).json()
    assert (told["size"], told["rest"]) == (0, 200_000)
    assert "CONTENT_LENGTH" not in told and told["HTTP_TRANSFER_ENCODING"] == "chunked"
    assert httpd.post("/length/stream", b"x" * 10).json()["size"] == 10


def test_off_wants_a_length(httpd):
    assert httpd.post("/length/off", pieces(b"x")).status == 411
    httpd.expect_log("BRINE0106")
    assert httpd.post("/length/off", b"x").status == 200
    httpd.log.start_test()
    over_http2(httpd, "/length/off", b"x")  # curl may be told that its body is not wanted
    httpd.expect_log("BRINE0106")


@pytest.mark.parametrize("size", [100_000, 100_001, 5_000_000])
def test_limit_request_body(httpd, size):
    answer = httpd.post("/length/limited", pieces(b"x" * size))
    if size == 100_000:
        assert answer.status == 200
        return
    assert answer.status == 413
    httpd.expect_log("BRINE0111: .*LimitRequestBody")
    httpd.allow_log("AH")


def test_limit_request_body_holds_for_what_a_filter_makes(httpd):
    """A small body that is inflated to more."""
    body = gzip.compress(os.urandom(90_000) + b"x" * 20_000)
    answer = httpd.post("/length/limited/inflate", body, Content_Encoding="gzip")
    assert answer.status == 413
    httpd.expect_log("BRINE0111: .*LimitRequestBody")
    httpd.allow_log("AH")


def test_an_error_page_by_the_application_gets_no_body(httpd):
    """It is not read a second time, which would fail again."""
    answer = httpd.post("/length/limited/page", pieces(b"x" * 200_000))
    assert answer.json()["size"] == 0
    httpd.expect_log("BRINE0111")
    httpd.allow_log("AH")


HEAD = b"POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n\r\n"


def test_malformed_chunks(httpd):
    answer = httpd.exchange(HEAD % (b"/length", b"Transfer-Encoding: chunked") +
                            b"5\r\nabcde\r\nnonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    httpd.expect_log("BRINE0111")
    httpd.allow_log("AH")


@pytest.mark.parametrize("sent", [b"5\r\nab", b"5\r\nabcde\r\n", b"20000\r\n" + b"x" * 100_000],
                         ids=["inside-a-chunk", "between-chunks", "in-the-file"])
def test_a_client_that_goes_away(httpd, sent):
    with httpd.raw() as raw:
        raw.send(HEAD % (b"/length", b"Transfer-Encoding: chunked") + sent)
    record, *_ = httpd.expect_log("BRINE0111: .*the client has gone")
    assert record.level == "info"


def test_a_chunked_body_with_expect(httpd):
    with httpd.raw() as raw:
        raw.send(HEAD % (b"/length", b"Expect: 100-continue\r\nTransfer-Encoding: chunked"))
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        raw.send(b"3\r\nabc\r\n0\r\n\r\n")
        assert b'"size": 3' in raw.read_to_end()


@pytest.mark.parametrize("path, head, status, code", [
    (b"/length/limited", b"Content-Length: 100001", b"413", "BRINE0108"),
    (b"/length/off", b"Transfer-Encoding: chunked", b"411", "BRINE0106"),
], ids=["413", "411"])
def test_a_refusal_comes_instead_of_100_continue(httpd, path, head, status, code):
    with httpd.raw() as raw:
        raw.send(HEAD % (path, b"Expect: 100-continue\r\n" + head))
        assert raw.read_to_end().startswith(b"HTTP/1.1 " + status)
    httpd.expect_log(code)
    httpd.allow_log("AH")


# --- a filter that keeps the body (mod_request) --------------------------------------------------------


def send_in_pieces(httpd, raw, sent):
    """Sends each piece when the server has read the one before it, and so waits for more."""
    client = raw.socket.getsockname()[1]
    for piece in sent:
        until(lambda: processes.unread(httpd.port, client) == 0, "the server has read what was sent")
        raw.send(piece)


@pytest.mark.parametrize("mount", [b"/length/kept?rest", b"/length/stream/kept?rest"])
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_a_filter_that_keeps_the_body_of_a_slow_client(httpd, mount, chunked):
    sent = [b"5\r\nslow\n\r\n"] * 20 + [b"0\r\n\r\n"] if chunked else [b"slow\n"] * 20
    for _ in range(2):  # a child that has crashed would be another one by now
        with httpd.raw() as raw:
            raw.send(HEAD % (mount, b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100"))
            send_in_pieces(httpd, raw, sent)
            answer = raw.read_to_end()
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert told["size"] + told["rest"] == 100


def test_a_filter_that_refuses_the_rest_of_a_body(httpd):
    """The answer has begun, and the application reads on: the filter does not say that it has refused."""
    with httpd.raw() as raw:
        raw.send(HEAD % (b"/echo/lines", b"Transfer-Encoding: chunked") + b"6\r\nfirst\n\r\n")
        raw.read_until(b"first")
        raw.send(b"7d0\r\n" + b"x" * 2000 + b"\r\n" + b"0\r\n\r\n")
        raw.read_to_end()
    httpd.expect_log("AH01413")
    httpd.allow_log("BRINE0401")
    assert httpd.post("/length/kept", b"all").json()["size"] == 3


def test_connections_are_kept(httpd):
    """What a request left of its body is not taken for the next one."""
    connection = httpd.connect()
    for size in (3, 200_000, 0, 70_000):
        connection.request("POST", "/length", pieces(b"x" * size))
        assert json.loads(connection.getresponse().read())["size"] == size
    connection.close()


def temporary_files(httpd):
    names = [name for pid in processes.in_session(httpd.pid)
             for name in processes.descriptors(pid).values()]
    return [name for name in names if "(deleted)" in name and "/var/tmp/" in name]


def test_files_have_no_name_and_are_gone_after_the_request(httpd):
    before = set(os.listdir("/var/tmp"))
    with httpd.raw() as raw:
        raw.send(HEAD % (b"/length", b"Transfer-Encoding: chunked") + b"20000\r\n" + b"x" * 131072)
        until(lambda: temporary_files(httpd), "a file is in use")
        assert not [name for name in set(os.listdir("/var/tmp")) - before if "brine-" in name
                    and not name.startswith("brine-work")]
        raw.send(b"\r\n0\r\n\r\n")
        assert b'"size": 131072' in raw.read_to_end()
    until(lambda: not temporary_files(httpd), "the file is gone")


def test_a_file_that_cannot_grow(start_httpd):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
        server = start_httpd("WSGIScriptAlias /length {apps}/by_length.wsgi")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert server.post("/length", pieces(b"x" * (2 << 20))).status == 507
    server.expect_log("BRINE0118: .*'/var/tmp': File too large")
    assert server.post("/length", pieces(b"x" * 500_000)).json()["size"] == 500_000


def test_a_folder_that_cannot_be_written(start_httpd):
    server = start_httpd("WSGIScriptAlias /length {apps}/by_length.wsgi", env={"TMPDIR": "/proc"})
    assert server.post("/length", pieces(b"x" * 60_000)).status == 200, "no file is needed"
    answer = server.post("/length", pieces(b"x" * 70_000))
    assert answer.status == 500
    server.expect_log("BRINE0118: .*'/proc'")
