"""An application that writes into its process's connection to httpd: nobody gets a response that it made up."""

import struct

import pytest

from harness import groups
from harness.client import parse_responses
from harness.deadline import until
from harness.frames import (ABORT, BODY, CLIENT_ABORTED, DATA, DONE, END, FACTS, FAILED_BEFORE, HEAD, LAST, LOG, NOTE, OVERFULL,
                            PROCESS_DIED, REFUSED, REQUEST, RESTARTING, WANT, body, done, encoded_head, file, frame, head,
                            length, whole)

pytestmark = pytest.mark.modes("daemon")

CONFIG = groups.CONFIG + """
WSGIScriptAlias /attack {apps}/attack_frames.wsgi
WSGIScriptAlias /hello {apps}/hello.wsgi
WSGIScriptAlias /kept {apps}/attack_frames.wsgi
<Location /kept>
  WSGIResponseBuffering 100000
</Location>
<Location /deflated>
  SetOutputFilter DEFLATE
</Location>
WSGIScriptAlias /deflated {apps}/attack_frames.wsgi
"""
DAEMON = "processes=1 socket-timeout=20"
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nFORGED"
TOLD = "BRINE0629: process {pid} of daemon group 'group' sent what is no answer: "

# What is refused before the client has got anything.
BEFORE_THE_HEAD = {
    "a whole response behind 5 bytes": whole(length(5), b"hello" + FORGED),
    "a whole response in the next frame": head(length(5)) + body(b"hello" + FORGED, END) + done(),
    "a large one behind 5 bytes": whole(length(5), b"hello" + FORGED * 5000),
    "fewer bytes than declared": whole(length(500), b"hello"),
    "fewer in several frames": head(length(500)) + body(b"hello", END) + done(),
    **{f"status {status}": whole(body=FORGED, line=b"%d Early" % status, status=status) for status in (0, 99, 100, 101, 103, 199, 1000)},
    "status 65535": whole(line=b"999 Odd", status=65535),
    "another status in the status line": whole(body=FORGED, line=b"100 Continue", status=200),
    "a status line that is two": whole(line=b"200 OK\r\nX-Forged: FORGED", status=200),
    "a status line without a number": whole(line=b"OK", status=200),
    **{f"the field {name.decode()}: {value.decode('latin-1')!r}": whole([(name, value)], FORGED) for name, value in [
        (b"Transfer-Encoding", b"chunked"), (b"transfer-encoding", b"identity"), (b"Connection", b"close"), (b"Keep-Alive", b"timeout=5"),
        (b"Upgrade", b"h2c"), (b"Trailer", b"X"), (b"TE", b"trailers"), (b"Proxy-Connection", b"close"),
        (b"Content-Length", b"-1"), (b"Content-Length", b"+47"), (b"Content-Length", b"0x2f"), (b"Content-Length", b"47, 47"),
        (b"Content-Length", b"99999999999999999999"), (b"Content-Length", b""),
        (b"X", b"a\r\nX-Forged: FORGED"), (b"X", b"a\nX-Forged: FORGED"), (b"X", b"a\0b"), (b"X\r\nX-Forged", b"FORGED"),
        (b"X-Forged: FORGED\r\nX", b"a"), (b"X\0", b"a"), (b"", b"a"), (b"X Y", b"a"), (b"X:", b"a")]},
    "two lengths": whole([*length(5), *length(47)], b"hello" + FORGED),
    "the same length twice": whole([*length(5), *length(5)], b"hello"),
    "a chunked response with a length": whole([*length(5), (b"Transfer-Encoding", b"chunked")], b"5\r\nhello\r\n0\r\n\r\n" + FORGED),
    "20,000 fields": whole([(b"X", b"")] * 20_000),
    "a head that is larger than it says": frame(HEAD, struct.pack("=II", 1, 1 << 31) + bytes(100), END | LAST, 200),
    "a head that is no head": frame(HEAD, b"abc", END | LAST, 200),
    "a head of nulls": frame(HEAD, bytes(64), END | LAST, 200),
    "a head without a status line": frame(HEAD, struct.pack("=III", 0, 0, 0xFFFFFFFF), END | LAST, 200),
    "two heads": head() + whole(body=FORGED),
    "done in a head that goes on": head(body=b"hello", flags=LAST),
    "a body without a head": body(FORGED, END) + done(),
    "an end without a head": done(),
    "an abort without a head": frame(ABORT) + done(),
    "an end before the body": head(length(5)) + done(),
    "an outcome of a request that was not begun": head() + done(FAILED_BEFORE),
    **{f"outcome {outcome}": done(outcome) for outcome in (OVERFULL, PROCESS_DIED, PROCESS_DIED + 1, 999)},
    "a refusal": frame(REFUSED),
    "a refusal after a head": head() + frame(REFUSED),
    "a block without a byte": head() + body(b""),
    "a log record of no level": frame(LOG, b"text", aux=99),
    "a log record of 1 MiB": frame(LOG, b"x" * (1 << 20), aux=3),
    "a note of another name": frame(NOTE, b"other\0value"),
    "a note without a name": frame(NOTE, b"wsgi-pickle-hazards"),
    "a note of 1 MiB": frame(NOTE, b"wsgi-pickle-hazards\0" + b"x" * (1 << 20)),
    "a demand with a payload": frame(WANT, b"12345678"),
    "an end with a payload": frame(DONE, b"12345678"),
    "facts of another size": frame(FACTS, bytes(8)),
    "facts again and again": frame(FACTS, bytes(24)) * 3,
    "flags that nobody knows": frame(BODY, b"x", 0x80),
    **{f"a frame of kind {kind}": frame(kind) for kind in (REQUEST, DATA, 11, 255)},
    "a file before the head": file(0, 8, END) + done(),
    "text": b"GET / HTTP/1.1\r\nHost: other\r\n\r\n",
}

# What is refused when the client has got a part of the response.
AFTER_THE_HEAD = {
    "more bytes than declared": head(length(5), b"hello") + body(FORGED, END) + done(),
    "more bytes than declared, one by one": head(length(5), b"h") + body(b"e") + body(b"l") + body(b"l") + body(b"o") + body(FORGED),
    "fewer bytes than declared": head(length(500), b"hello") + body(b"world", END) + done(),
    "an outcome before the end": head(body=b"hello") + done(),
    "an outcome before the end of what was declared": head(length(500), b"hello") + done(),
    "a second head": head(body=b"hello") + head(body=FORGED) + body(b"", END) + done(),
    "a refusal": head(body=b"hello") + frame(REFUSED),
    "a request for new code": head(body=b"hello") + done(RESTARTING),
    "a file behind a body": head(body=b"hello") + file(0, 8, END),
    "a body after the abort": head(body=b"hello") + frame(ABORT) + body(FORGED, END) + done(),
    "a length behind the head": head(body=b"hello") + frame(HEAD, encoded_head(fields=length(5)) + FORGED, END | LAST, 200),
}

FREQUENT = {  # what an answer may have, but not so often
    "heads": (head([(b"X", b"x" * 60_000)]), 3000),
    "notes": (frame(NOTE, b"wsgi-pickle-hazards\0" + b"x" * 16000), 3000),
    "demands": (frame(WANT, value=1), 3000),
    "empty blocks": (body(b""), 3000),
    "aborts": (frame(ABORT), 3000),
}


@pytest.fixture
def pid(httpd):
    """The process that is attacked; it has to serve on."""
    pid = int(httpd.get("/attack").text)
    bad = groups.Group(httpd, "group").count("bad-answers")
    yield pid
    httpd.expect_log(TOLD.format(pid=pid))
    assert len(httpd.log.texts("BRINE0629")) == 1, "one line"
    assert groups.Group(httpd, "group").count("bad-answers") == bad + 1
    assert int(httpd.get("/attack").text) == pid


def ask(httpd, data, url="/attack", method="POST", version="1.1"):
    """Asks for an attack, and for an honest page over the same connection; returns the bytes that came."""
    return httpd.exchange(f"{method} {url} HTTP/{version}\r\nHost: h\r\nConnection: keep-alive\r\nContent-Length: {len(data)}\r\n\r\n"
                          .encode() + data + b"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")


def assert_bad_gateway(came, method="POST"):
    answers = parse_responses(came, (method,) if b"\r\nConnection: close" in came.partition(b"\r\n\r\n")[0] else (method, "GET"))
    assert answers[0].status == 502
    assert all(answer.status == 200 and answer.body == b"hello" for answer in answers[1:])
    assert b"FORGED" not in came


@pytest.mark.parametrize("attack", BEFORE_THE_HEAD.values(), ids=BEFORE_THE_HEAD)
def test_the_client_gets_bad_gateway(httpd, pid, attack):
    assert_bad_gateway(ask(httpd, attack))


@pytest.mark.parametrize("attack", ["a whole response behind 5 bytes", "status 100", "two heads", "an end without a head"])
@pytest.mark.parametrize("url", ["/kept", "/deflated"])
def test_the_client_gets_bad_gateway_through_filters_and_buffers(httpd, pid, attack, url):
    assert_bad_gateway(ask(httpd, BEFORE_THE_HEAD[attack], url))


@pytest.mark.parametrize("attack", AFTER_THE_HEAD.values(), ids=AFTER_THE_HEAD)
def test_a_response_that_has_begun_is_cut_off(httpd, pid, attack):
    came = ask(httpd, attack)
    answer, = parse_responses(came)
    assert came.count(b"HTTP/1.1 ") == 1 and b"FORGED" not in came
    assert answer.status == 502 or not answer.complete or answer.header("Content-Length") == str(len(answer.body))


@pytest.mark.parametrize("attack", AFTER_THE_HEAD.values(), ids=AFTER_THE_HEAD)
def test_a_response_that_httpd_keeps_is_bad_gateway(httpd, pid, attack):
    assert_bad_gateway(ask(httpd, attack, "/kept"))


def test_new_code_that_never_comes(httpd, pid):
    """The request is not sent on for ever."""
    assert_bad_gateway(ask(httpd, done(RESTARTING)))


@pytest.mark.parametrize("what", FREQUENT)
def test_what_an_answer_has_is_bounded(httpd, pid, what):
    attack, times = FREQUENT[what]
    came = ask(httpd, attack, f"/attack?times={times}")
    assert came == b"" or parse_responses(came)[0].status == 502 or not parse_responses(came)[0].complete


def test_a_head_of_17_mib_is_told_as_what_it_is(httpd, pid):
    assert_bad_gateway(ask(httpd, whole([(b"X", b"x" * (17 << 20))])))
    record, = httpd.expect_log("BRINE0629")
    assert "a response's head of 17825822 bytes" in record.text and "16777216 are the most" in record.text


def test_the_client_that_went_away_has_not(httpd):
    """No rule is broken; but the response is not whole, and must not look so."""
    came = ask(httpd, head(body=b"hello") + done(CLIENT_ABORTED))
    answer, = parse_responses(came)
    assert not answer.complete and came.count(b"HTTP/1.1 ") == 1


def test_data_after_the_end(httpd, pid):
    """The answer is whole; what follows is nobody's."""
    came = ask(httpd, whole(body=b"hello") + whole(body=FORGED))
    first, second = parse_responses(came, ("POST", "GET"))
    assert (first.status, first.body, second.body) == (200, b"hello", b"hello")
    assert b"FORGED" not in came


def test_data_after_the_end_of_an_honest_answer(httpd, pid):
    """It waits in the connection for the next request."""
    assert httpd.post("/attack?later=0.2", whole(body=FORGED)).status == 200

    def told():
        assert b"FORGED" not in httpd.get("/hello").body
        return httpd.log.texts("BRINE0629")

    until(told, "the next request finds it")


def test_log_records_are_bounded(httpd):
    pid = int(httpd.get("/attack").text)
    ask(httpd, frame(LOG, b"flood", aux=3) * 100, "/attack?times=1000")
    record, = httpd.expect_log("BRINE0630")
    assert f"process {pid} of daemon group 'group' logged too much: " in record.text
    httpd.allow_log("flood")
    logged = len(httpd.log.texts("flood"))
    left_out = int(record.text.split("logged too much: ")[1].split()[0])
    assert logged + left_out == 100_000
    assert 5000 <= logged < 50_000
    httpd.allow_log("BRINE0603")  # the application closes the connection before an answer


LARGE_HEAD = """
import os
def application(environ, start_response):
    size = int(environ["QUERY_STRING"])
    start_response("200 OK", [("X-Pid", str(os.getpid()))] + ([("X-Large", "x" * size)] if size else []))
    return [b"body"]
"""


def test_a_head_that_is_too_large_is_told_as_what_it_is(start_httpd):
    """The application's own: the process has not ended, and nobody says so."""
    server = start_httpd("WSGIScriptAlias /app {dir}/scripts/app.wsgi\n", files={"scripts/app.wsgi": LARGE_HEAD},
                         daemon="processes=1")
    pid = server.get("/app?0").header("X-Pid")
    assert server.get(f"/app?{17 << 20}").status == 502
    record, = server.expect_log("BRINE0629")
    assert f"process {pid} " in record.text and "16777216 are the most" in record.text
    assert server.get("/app?0").header("X-Pid") == pid
