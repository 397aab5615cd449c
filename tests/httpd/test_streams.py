"""sys.stdout, sys.stderr and wsgi.errors are text streams of io; what is written there is in test_logging."""

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import until
from harness.errorlog import TWO_LOGS, ErrorLog
from harness.variant import SUB

pytestmark = pytest.mark.axes("python", "interpreter")

CONFIG = """
WSGIScriptAlias /streams {apps}/streams.wsgi
""" + TWO_LOGS
STREAMS = ("stdout", "stderr", "errors")


def ask(httpd, way, stream):
    return ast.literal_eval(httpd.get(f"/streams/{way}?{stream}").text)


@pytest.mark.parametrize("stream", STREAMS)
def test_it_is_a_text_stream(httpd, stream):
    name = "<stdout>" if stream == "stdout" else "<stderr>"
    assert ask(httpd, "kind", stream) == [
        True, True, True, True, "utf-8", "backslashreplace", True, None, False, True, False, False, False,
        name, "w"]


@pytest.mark.parametrize("stream", STREAMS)
def test_what_a_log_cannot_do(httpd, stream):
    found = ask(httpd, "unsupported", stream)
    assert found == [True] * len(found) and len(found) == 12


@pytest.mark.parametrize("stream", STREAMS)
def test_nobody_can_close_it(httpd, stream):
    for _ in range(2):
        assert ask(httpd, "closed", stream) == [False, False]
    for text in ("within, $", "of bytes, $", "after it$"):
        httpd.expect_log(text, count=2)


@pytest.mark.parametrize("stream", STREAMS)
def test_who_detaches_it_takes_it_from_nobody(httpd, stream):
    for _ in range(2):
        assert ask(httpd, "detached", stream) == [True]
    for text in ("before it, $", r"caf\?$", "by codecs$", "it stays$"):
        httpd.expect_log(text, count=2)


@pytest.mark.parametrize("stream", STREAMS)
def test_it_can_be_reconfigured(httpd, stream):
    assert ask(httpd, "reconfigured", stream) == ["ascii", "xmlcharrefreplace", False, True]
    httpd.expect_log("caf&#233;$")
    httpd.expect_log("not kept$")


@pytest.mark.parametrize("stream", STREAMS)
def test_bytes(httpd, stream):
    assert ask(httpd, "bytes", stream) == [7, 6, 4]
    httpd.expect_log("bytes, more, all$")


@pytest.mark.parametrize("stream", STREAMS)
def test_only_whole_lines_are_records(httpd, stream):
    ask(httpd, "cut", stream)
    httpd.expect_log("whole$")
    httpd.expect_log("in two pieces$")


@pytest.mark.parametrize("stream", STREAMS)
def test_a_thread_s_last_line_is_written_when_it_ends(httpd, stream):
    ask(httpd, "last-words", stream)
    httpd.expect_log("last words$")


def test_a_line_without_end_is_cut(httpd):
    httpd.allow_log(r" \.+$")
    ask(httpd, "endless", "stderr")
    until(lambda: sum(record.text.count(".") for record in httpd.log.records()
                      if not record.text.strip(".")) == 1_000_000, "all of it")


@pytest.mark.axes("mpm", "python", "interpreter")
def test_threads_share_it_and_do_not_mix(httpd, variant):
    """Four requests at a time write pieces of lines, in two virtual hosts."""
    if not variant.one_process or variant.group == SUB:
        pytest.skip("they would not share one stream")
    other = ErrorLog(httpd.folder / "other.log")
    mark = other.mark()
    with ThreadPoolExecutor(4) as threads:
        hosts = ["main.example", "other.example"] * 2
        answers = list(threads.map(lambda host: httpd.get("/streams/at-once?stdout", Host=host), hosts))
    assert {answer.status for answer in answers} == {200}
    line = " ".join(f"piece{number}" for number in range(10))
    httpd.expect_log(f" {line} $", count=40)
    other.expect(f" {line} $", count=40, since=mark)


def test_pythons_own_streams(httpd):
    assert ask(httpd, "original", "stdout") == [True, 1, 2, True]


@pytest.mark.modes("daemon")
def test_the_devices_can_be_opened(httpd):
    """As logging.FileHandler("/dev/stderr") does in a container's configuration; whoever root's httpd runs it as."""
    httpd.get("/streams/by-name?stdout")
    httpd.expect_log("written to /dev/stdout$")
    httpd.expect_log("written to /dev/stderr$")


def test_what_is_left_in_a_stream_of_an_applications_own(start_httpd):
    """As at Python's end: sys.stdout is flushed."""
    server = start_httpd(CONFIG)
    assert server.get("/streams/replaced?stdout").status == 200
    server.stop()
    server.expect_log("kept to the end")
