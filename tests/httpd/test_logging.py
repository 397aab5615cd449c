"""What applications write: wsgi.errors, stderr and stdout become records of the right error log."""

import re

import pytest

from harness.deadline import until
from harness.errorlog import TWO_LOGS, ErrorLog

CONFIG = """
WSGIScriptAlias /out {apps}/outputs.wsgi
WSGIScriptAlias /errors {apps}/errors.wsgi
""" + TWO_LOGS
STREAMS = {"errors": "error", "stderr": "error", "stdout": "notice"}
EXPECTED = {
    "line": ["one line"],
    "lines": ["line one", "line two", "line three"],
    "pieces": ["one line in pieces"],
    "open": ["no newline"],
    "unicode": ["caf", "\u20ac"],
    "surrogate": ["surrogate"],
    "writelines": ["first", "second"],
    "print": ["printed 1 2"],
    "empty": ["after an empty line"],
    "control": ["tab"],
    "nul": ["be"],
    "flushed": ["flushed", "rest"],
}


@pytest.mark.axes("python")
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("how", EXPECTED)
def test_text_reaches_the_log(httpd, stream, how):
    httpd.allow_log(r"\[wsgi:(error|notice)\]")
    assert httpd.get(f"/out?{stream}/{how}").status == 200
    level = STREAMS[stream]

    def texts():
        return [record.text for record in httpd.log.records()
                if record.module == "wsgi" and record.level == level]

    expected = EXPECTED[how]
    if how == "unicode":
        until(lambda: any("caf" in text for text in texts()), "the record")
        return
    for part in expected:
        until(lambda: any(part in text for text in texts()), f"{part!r} in the log")
    if how in ("lines", "writelines"):
        assert [text for text in texts() if text in expected] == expected, "one record a line"


@pytest.mark.axes("python")
@pytest.mark.parametrize("stream", STREAMS)
def test_long_lines_are_not_lost(httpd, stream):
    httpd.allow_log(r"\[wsgi:(error|notice)\]")
    httpd.get(f"/out?{stream}/long")
    until(lambda: sum(record.text.count("x") for record in httpd.log.records()
                      if record.level == STREAMS[stream] and not record.text.strip("x")) >= 20000, "the long line, to its end")


@pytest.mark.axes("mpm", "interpreter")
def test_records_name_the_client(httpd):
    for stream in STREAMS:
        httpd.get(f"/out?{stream}/line")
    records = httpd.expect_log("one line", count=3)
    assert all(record.client.startswith("127.0.0.1") for record in records)


@pytest.mark.axes("python", "interpreter")
def test_logging_and_warnings(httpd):
    httpd.get("/out?python/log")
    httpd.expect_log("logged error")
    httpd.get("/out?python/warn")
    httpd.expect_log("UserWarning: the warning")
    httpd.allow_log(r"warnings\.warn")


@pytest.mark.parametrize("stream", STREAMS)
def test_the_vhosts_own_log(httpd, stream):
    other = ErrorLog(httpd.folder / "other.log")
    mark = other.mark()
    httpd.get(f"/out?{stream}/line", Host="other.example")
    other.expect("one line", since=mark)
    assert not httpd.log.texts("one line")


def test_tracebacks_go_to_the_vhosts_own_log(httpd):
    other = ErrorLog(httpd.folder / "other.log")
    mark = other.mark()
    httpd.get("/errors?plain", Host="other.example")
    other.expect("BRINE0401: ", since=mark)
    assert not httpd.log.texts("BRINE0401")


STREAM = """
def application(environ, start_response):
    start_response("200 OK", [])
    number = 0
    try:
        while True:
            number += 1
            print(f"block {number} of them", file=environ["wsgi.errors"])
            yield b"x" * 1000
    finally:
        print(f"{number} in all", file=environ["wsgi.errors"])
"""


def test_what_is_written_until_the_client_has_gone(start_httpd):
    """Also what the application has written before it could find out that nobody takes the answer any more."""
    server = start_httpd("WSGIScriptAlias /stream {dir}/scripts/stream.wsgi\n", files={"scripts/stream.wsgi": STREAM})
    server.allow_log(r"block \d+ of them")
    with server.raw(receive_buffer=4096) as raw:
        raw.send(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        raw.read_until(b"xxxx")
    record, = server.expect_log("in all$")
    blocks = range(1, 1 + int(re.search(r"(\d+) in all", record.text)[1]))

    def told():
        return sorted(int(re.search(r"block (\d+)", text)[1]) for text in server.log.texts("of them$"))

    until(lambda: told() == list(blocks), f"a record for each of {len(blocks)} blocks")
