"""start_response: what it refuses, with which exception; exc_info; the write() that it returns."""

import pytest

pytestmark = pytest.mark.axes("python")

CONFIG = """
WSGIScriptAlias /start {apps}/start_response.wsgi
WSGIScriptAlias /exc {apps}/exc_info.wsgi
WSGIScriptAlias /late {apps}/late_calls.wsgi
"""
REFUSED = {
    "TypeError": ["no-arguments", "one-argument", "four-arguments", "headers-tuple", "headers-dict",
                  "headers-none", "headers-generator", "status-bytes", "status-int", "status-none",
                  "header-list", "header-string", "header-none", "name-bytes", "value-bytes",
                  "value-int", "value-none"],
    "ValueError": ["status-empty", "status-word", "status-two-digits", "status-four-digits",
                   "status-no-space", "status-leading-space", "status-newline", "status-crlf",
                   "status-nul", "status-not-latin-1", "status-100", "status-101", "status-103",
                   "status-unicode-digits", "header-one", "header-three", "name-empty",
                   "name-space", "name-colon", "name-newline", "name-nul", "name-not-latin-1",
                   "value-newline", "value-return", "value-nul", "value-not-latin-1",
                   "length-word", "length-negative", "length-twice", "transfer-encoding"],
    "RuntimeError": ["exc-info-string", "exc-info-true", "second-call"],
}
TEXTS = {
    "headers-tuple": "start_response() argument 2 must be list, not tuple",
    "status-word": "status code must be a 3 digit integer",
    "status-no-space": "no space following status code",
    "status-newline": "control character in status reason phrase",
    "header-list": "each header must be a 2-tuple, not list",
    "header-three": "each header must be a 2-tuple, got length 3",
    "name-empty": "header name is empty",
    "name-space": "space character in header name",
    "name-newline": "control character in header name",
    "value-newline": "line feed character in header value",
    "second-call": "start_response() called more than once without exc_info",
}


@pytest.mark.parametrize("error, case",
                         [(error, case) for error in REFUSED for case in REFUSED[error]])
def test_refused(httpd, error, case):
    answer = httpd.get(f"/start?{case}")
    raised = answer.json()
    assert raised, "nothing was raised"
    name, bases, text = raised
    assert error in bases, f"{name}: {text}"
    assert TEXTS.get(case, "") in text
    assert answer.status == 299


def test_exc_info_must_have_three_parts(httpd):
    name, bases, _ = httpd.get("/start?exc-info-pair").json()
    assert "TypeError" in bases or "RuntimeError" in bases, name


@pytest.mark.parametrize("case", ["good-subclasses", "good-none", "good-empty"])
def test_accepted(httpd, case):
    answer = httpd.get(f"/start?{case}")
    assert (answer.status, answer.body) == (200, b"null")


def test_exc_info_before_headers_replaces_the_response(httpd):
    answer = httpd.get("/exc?before")
    assert (answer.status, answer.reason) == (502, "Replaced")
    assert answer.header("X-First") is None
    assert answer.header("X-Second") == "2"
    assert (answer.body, answer.complete) == (b"error page", True)


def test_exc_info_twice(httpd):
    answer = httpd.get("/exc?again")
    assert (answer.status, answer.body) == (502, b"two")


def test_write_of_nothing_sends_nothing(httpd):
    answer = httpd.get("/exc?unsent")
    assert (answer.status, answer.body) == (503, b"in time")


@pytest.mark.parametrize("case", ["after", "write"])
def test_exc_info_after_headers_raises_it(httpd, case):
    answer = httpd.get(f"/exc?{case}")
    assert answer.status == 200
    assert not answer.complete, "a cut response looked complete"
    assert b"never" not in answer.body
    httpd.expect_log("BRINE0401")
    httpd.expect_log("ValueError: the given exception")


@pytest.mark.axes("python", "interpreter")
def test_calls_after_the_request_has_ended(httpd):
    assert httpd.get("/late?keep").status == 200
    said = {what: httpd.get(f"/late?{what}").text for what in ("start_response", "write", "input")}
    assert not {what: text for what, text in said.items()
                if not text.startswith(("RuntimeError", "none kept"))}
