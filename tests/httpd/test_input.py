"""wsgi.input: every way to read it, every way a body can arrive, or not arrive."""

import hashlib
import json
import os

import pytest

from harness.deadline import until

CONFIG = """
WSGIScriptAlias /input {apps}/input.wsgi
WSGIScriptAlias /echo {apps}/echo.wsgi
WSGIScriptAlias /digest {apps}/digest.wsgi
WSGIScriptAlias /error {apps}/input_error.wsgi
WSGIScriptAlias /caught {apps}/raises_input.wsgi
<Location /echo>
  WSGIChunkedRequest Stream
</Location>
<LocationMatch ^/(digest|caught)/limited>
  LimitRequestBody 1000
</LocationMatch>
"""
BODY = b"first\nsecond line\n\nlast without end"
LINES = ["first\n", "second line\n", "\n", "last without end"]
EXPECTED = {
    "read": [BODY.decode()],
    "read0": ["", BODY.decode()],
    "read-negative": [BODY.decode()],
    "read-none": [BODY.decode()],
    "sized": [BODY[i:i + 7].decode() for i in range(0, len(BODY), 7)] + [""],
    "past-end": [BODY.decode(), "", "", ""],
    "readline": LINES,
    "readline-sized": ["fir", "st\n", "sec", "ond", " li", "ne\n", "\n", "las", "t w", "ith", "out",
                       " en", "d"],
    "readlines": LINES,
    "readlines-hint": LINES[:1],
    "iterate": LINES,
    "mixed": ["first\n", "se", "cond line\n", "\nlast without end"],
    "nothing": [],
    "twice": [BODY.decode(), "", ""],
    "close": [],
    "buffered": LINES,
    "text": [BODY.decode()],
    "text-lines": LINES + [""],
    "wrapped-twice": [BODY[:4].decode(), BODY[4:].decode()],
    "read1": [BODY.decode(), "", ""],
    "readinto1": [BODY.decode()],
    "with": [BODY.decode()],
    "facts": [str((True, True, False, False, True, True, False, False, False, False, None))],
    "unsupported": ["fileno", "seek", "tell", "truncate", "write", "writelines", "detach"],
    "csv": ["first", "second line", "", "last without end"],
    "copied": [BODY.decode()],
}


def chunked(*blocks):
    return b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", EXPECTED)
def test_ways_to_read(httpd, way):
    assert httpd.post(f"/input?{way}", BODY).json() == EXPECTED[way]


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", EXPECTED)
def test_ways_to_read_a_chunked_body(httpd, way):
    assert httpd.post(f"/input?{way}", iter([BODY[:9], BODY[9:10], BODY[10:]])).json() == EXPECTED[way]


@pytest.mark.axes("python")
def test_readinto(httpd):
    for body in (BODY, iter([BODY[:9], BODY[9:]])):
        assert "".join(httpd.post("/input?readinto", body).json()).encode() == BODY


@pytest.mark.parametrize("way", ["read", "readline", "readlines", "iterate", "sized", "readinto"])
def test_no_body_at_all(httpd, way):
    assert "".join(httpd.get(f"/input?{way}").json()) == ""


def test_empty_body(httpd):
    assert httpd.post("/input?read", b"").json() == [""]
    assert httpd.post("/input?read", iter([])).json() == [""]


@pytest.mark.parametrize("how", ["", "all", "into"])
@pytest.mark.parametrize("size", [1, 8191, 8192, 65535, 65536, 65537, 3_000_001])
def test_bodies_of_many_sizes(httpd, size, how):
    body = os.urandom(size)
    expected = f"{size} {hashlib.sha256(body).hexdigest()}"
    assert httpd.post(f"/digest?{how}", body).text == expected
    assert httpd.post(f"/digest?{how}", iter([body[:1], body[1:]])).text == expected


def test_big_upload(httpd):
    block, count = os.urandom(1 << 20), 48
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(block)
    answer = httpd.request("POST", "/digest", (block for _ in range(count)))
    assert answer.text == f"{count << 20} {digest.hexdigest()}"


@pytest.mark.axes("mpm")
@pytest.mark.parametrize("size", [10, 65536])
def test_body_is_echoed_while_it_comes(httpd, size):
    with httpd.raw() as raw:
        raw.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        raw.send(b"%x\r\n" % size + b"a" * size + b"\r\n")
        raw.read_until(b"a" * size)
        raw.send(b"%x\r\n" % size + b"b" * size + b"\r\n0\r\n\r\n")
        raw.read_until(b"b" * size)
        raw.read_until(b"0\r\n\r\n")


def test_slow_body_in_small_pieces(httpd):
    with httpd.raw() as raw:
        raw.send(b"POST /input?read HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n"
                 b"Connection: close\r\n\r\n")
        for byte in b"pieces":
            raw.send(bytes([byte]))
        assert raw.read_to_end().endswith(b'["pieces"]')


@pytest.mark.axes("mpm")
def test_expect_100_continue(httpd):
    with httpd.raw() as raw:
        raw.send(b"POST /input?read HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
                 b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        raw.send(b"body")
        assert raw.read_to_end().endswith(b'["body"]')


def test_expect_100_continue_is_sent_before_the_application_is_asked(httpd):
    with httpd.raw() as raw:
        raw.send(b"POST /input?nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
                 b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        raw.send(b"body")
        assert raw.read_to_end().startswith(b"HTTP/1.1 200 ")


def test_unread_body_does_not_disturb_the_next_request(httpd):
    for size in (10, 100_000):
        connection = httpd.connect()
        for way in ("nothing", "close", "read"):
            connection.request("POST", f"/input?{way}", b"x" * size)
            answer = connection.getresponse()
            assert answer.status == 200
            got = json.loads(answer.read())
        assert got == ["x" * size]
        connection.close()


def test_pipelined_requests_with_bodies(httpd):
    one = b"POST /input?read HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none"
    two = b"POST /input?nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\ntwo"
    three = (b"POST /input?read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
             b"Connection: close\r\n\r\n" + chunked(b"th", b"ree"))
    data = httpd.exchange(one + two + three)
    assert data.count(b"HTTP/1.1 200") == 3
    assert b'["one"]' in data and b'["three"]' in data and b"two" not in data


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("head, sent", [
    (b"Content-Length: 1000", b"only this"),
    (b"Content-Length: 1000000", b"x" * 70000),
    (b"Transfer-Encoding: chunked", b"5\r\nab"),
    (b"Transfer-Encoding: chunked", b"5\r\nabcde\r\n"),
], ids=["sized", "sized-large", "inside-a-chunk", "between-chunks"])
@pytest.mark.axes("mpm")
def test_client_that_goes_away(httpd, head, sent, how):
    note = httpd.folder / "writable" / "note"
    note.unlink(missing_ok=True)
    with httpd.raw() as raw:
        raw.send(b"POST /error?%s HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n%s" % (
            str(note).encode(), head, sent))
        getattr(raw, how)()
    # A small body is awaited before the application is called; then it is never called.
    record, *_ = httpd.expect_log("BRINE0111|the client went away")
    assert record.level == "info", "a client that goes away is nobody's fault"
    if note.exists():
        until(note.read_text, "the application's note")
        assert " True " in note.read_text(), "the error is no OSError"


@pytest.mark.axes("python")
def test_malformed_chunks_are_an_oserror(httpd):
    with httpd.raw() as raw:
        raw.send(b"POST /caught HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"5\r\nabcde\r\nnonsense\r\n\r\n")
        head = raw.read_to_end()
    assert head.startswith(b"HTTP/1.1 200") and b"OSError" in head or b" 400 " in head
    httpd.allow_log("BRINE0111|AH0")


def test_limit_request_body_by_length(httpd):
    assert httpd.post("/digest/limited", b"x" * 1000).status == 200
    assert httpd.post("/digest/limited", b"x" * 1001).status == 413
    httpd.expect_log("BRINE0108")
    httpd.allow_log("AH01587|AH01588")


def test_limit_request_body_counts_a_chunked_body(httpd):
    answer = httpd.post("/caught/limited", iter([b"x" * 600, b"y" * 600]))
    assert answer.status == 413 or b"OSError" in answer.body
    httpd.allow_log("BRINE0111|BRINE0108|AH0158[78]|AH00589")


@pytest.mark.parametrize("length", [b"abc", b"-1", b"5x", b"", b"99999999999999999999"])
def test_content_length_that_is_no_number(httpd, length):
    data = httpd.exchange(b"POST /input?read HTTP/1.1\r\nHost: h\r\nContent-Length: " + length +
                          b"\r\nConnection: close\r\n\r\n")
    assert data.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))
    httpd.allow_log("BRINE0107|BRINE0108|AH")


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"chunked, gzip", b"identity"])
def test_transfer_encodings_other_than_chunked(httpd, coding):
    data = httpd.exchange(b"POST /input?read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + coding +
                          b"\r\nConnection: close\r\n\r\n0\r\n\r\n")
    assert data.startswith((b"HTTP/1.1 501", b"HTTP/1.1 400"))
    httpd.allow_log("BRINE0105|AH")


def test_chunked_with_a_content_length_cannot_smuggle(httpd):
    data = httpd.exchange(b"POST /input?read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                          b"Content-Length: 30\r\n\r\n" + chunked(b"abc") +
                          b"GET /input?read HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    first = data.split(b"\r\n", 1)[0]
    assert b" 400 " in first or data.count(b'["abc"]') == 1
    httpd.allow_log("AH")
