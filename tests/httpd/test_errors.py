"""Exceptions of applications: the answer, and the traceback as one event of the error log."""

import pytest

from harness.deadline import until

pytestmark = pytest.mark.axes("python")

CONFIG = """
WSGIScriptAlias /errors {apps}/errors.wsgi
WSGIScriptAlias /hello {apps}/hello.wsgi
ErrorDocument 500 "our own error page"
"""
EXCEPTIONS = ["plain", "base", "interrupt", "generator-exit", "chain", "unprintable", "syntax",
              "recursion", "unicode", "surrogate", "lines", "nul"]


@pytest.mark.axes("python", "interpreter")
@pytest.mark.parametrize("way", EXCEPTIONS)
def test_exception(httpd, way):
    answer = httpd.get(f"/errors?{way}")
    assert (answer.status, answer.body) == (500, b"our own error page")
    httpd.expect_log("BRINE0401")
    assert httpd.get("/hello").status == 200


def test_a_long_exception_is_logged_to_its_end(httpd):
    assert httpd.get("/errors?long").status == 500
    httpd.allow_log("BRINE0401")
    until(lambda: sum(text.count("x") for text in httpd.log.texts("BRINE0401.*xxx")) >= 20000, "all of it")


@pytest.mark.parametrize("way", ["plain", "base", "interrupt", "generator-exit", "chain"])
def test_exception_after_the_first_block(httpd, way):
    answer = httpd.get(f"/errors?{way}-later")
    assert (answer.status, answer.body, answer.complete) == (200, b"first block", False)
    httpd.expect_log("BRINE0401")


@pytest.mark.parametrize("way", ["exit", "exit-none"])
def test_system_exit(httpd, way):
    before = httpd.children()
    assert httpd.get(f"/errors?{way}").status == 500
    answer = httpd.get(f"/errors?{way}-later")
    assert (answer.status, answer.complete) == (200, False)
    httpd.expect_log("BRINE0402", count=2)
    assert httpd.get("/hello").status == 200
    assert set(before) <= set(httpd.children()), "a process has ended"


def test_the_traceback_is_one_event(httpd):
    httpd.get("/errors?plain")
    records = httpd.expect_log("BRINE0401", count=5)
    first, rest = records[0], records[1:]
    assert first.text.startswith("BRINE0401: ")
    assert all(record.text.startswith("BRINE0401| ") for record in rest)
    assert {record.level for record in records} == {"error"}
    assert {record.module for record in records} == {"wsgi"}
    assert len({record.pid for record in records}) == 1
    text = "\n".join(record.text for record in records)
    assert "Traceback (most recent call last):" in text
    assert "ValueError: plain failure" in text
    assert str(httpd.folder.parent / "apps" / "errors.wsgi") in text
    assert 'raise ValueError("plain failure")' in text, "the source line is missing"
    assert ", in plain" in text
    assert len([line for line in text.split("\n") if line.startswith("BRINE0401:")]) == 1


def test_a_chain_of_causes_is_shown(httpd):
    httpd.get("/errors?chain")
    text = "\n".join(record.text for record in httpd.expect_log("BRINE0401", count=8))
    assert "KeyError: 'the cause'" in text
    assert "direct cause" in text
    assert "ValueError: the effect" in text


def test_text_of_several_lines_gives_several_records(httpd):
    httpd.get("/errors?lines")
    texts = [record.text for record in httpd.expect_log("BRINE0401", count=5)]
    assert any("line two" in text and "line three" not in text for text in texts)
    assert not any("\\n" in text for text in texts)


def test_text_that_is_not_ascii_is_utf_8(httpd):
    httpd.get("/errors?unicode")
    httpd.expect_log("BRINE0401")
    raw = httpd.log.path.read_bytes().decode("utf-8", "replace")
    assert "café €" in raw or r"caf\xc3\xa9" in raw


def test_exception_groups(httpd, variant):
    httpd.get("/errors?group")
    records = httpd.expect_log("BRINE0401", count=3)
    if variant.python >= "3.11":
        text = "\n".join(record.text for record in records)
        assert "ValueError: first" in text and "TypeError: second" in text


def test_the_client_sees_no_traceback(httpd):
    answer = httpd.get("/errors?plain")
    assert b"ValueError" not in answer.body and b"errors.wsgi" not in answer.body
    httpd.expect_log("BRINE0401")
