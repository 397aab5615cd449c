"""WSGIErrorOverride: httpd's pages in place of an application's error bodies."""

import json
from urllib.parse import quote

import pytest

from harness.deadline import until

CONFIG = """
WSGIScriptAlias /on {apps}/replaced.wsgi
WSGIScriptAlias /off {apps}/replaced.wsgi
WSGIScriptAlias /pages {apps}/replaced.wsgi
WSGIScriptAlias /bad {apps}/errors.wsgi
<LocationMatch "^/(on|bad|pages)">
  WSGIErrorOverride On
</LocationMatch>
ErrorDocument 404 /static/404.html
ErrorDocument 410 "/pages/?%7B%22way%22%3A%22list%22%2C%22status%22%3A%22410%20Gone%22%7D"
ErrorDocument 500 "an apology"
"""
PAGE = "the site's page"


def ask(httpd, url="/on", method="GET", **wish):
    return httpd.request(method, f"{url}?{quote(json.dumps(wish))}")


@pytest.fixture(autouse=True)
def page(httpd):
    httpd.write("htdocs/static/404.html", PAGE)


@pytest.mark.parametrize("way", ["list", "empty", "generator", "write", "file"])
def test_the_page_takes_the_place_of_the_body(httpd, way):
    path = httpd.folder / "htdocs" / "static" / "404.html"
    answer = ask(httpd, status="404 Not Here", way=way, path=str(path),
                 headers=[["Content-Type", "text/x-own"], ["Content-Length", "6"]])
    assert (answer.status, answer.text, answer.complete) == (404, PAGE, True)
    assert answer.header("Content-Type") == "text/html"


@pytest.mark.parametrize("status", ["400 a", "403 b", "422 c", "429 d", "451 e", "500 f", "503 g", "505 h"])
def test_every_error_is_overridden(httpd, status):
    answer = ask(httpd, status=status, way="list")
    assert answer.status == int(status[:3])
    assert b"SECRET" not in answer.body and answer.body


@pytest.mark.parametrize("status", ["418 I'm a teapot", "419 Expired", "425 Early", "499 Closed", "520 Unknown"])
def test_a_status_without_a_page_stays_as_it_is(httpd, status):
    """httpd would make 500 of it: the client is to see which error it is."""
    answer = ask(httpd, status=status, way="generator")
    assert (f"{answer.status} {answer.reason}", answer.body) == (status, b"SECRET")


def test_every_status_stays(httpd):
    connection = httpd.connect()
    for status in range(400, 600):
        connection.request("GET", "/on?" + quote(json.dumps({"status": f"{status} Own", "way": "list"})))
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (status, True)
        if answer.will_close:  # httpd's rule for some errors
            connection.close()
    connection.close()


@pytest.mark.parametrize("status", ["200 OK", "206 Partial Content", "302 Found", "304 Not Modified"])
def test_what_is_no_error_stays(httpd, status):
    answer = ask(httpd, status=status, way="list", headers=[["Location", "http://other/"]])
    assert answer.status == int(status[:3])
    assert answer.body == (b"" if status.startswith("304") else b"SECRET")


def test_without_the_directive_the_body_is_the_applications(httpd):
    assert ask(httpd, "/off", status="404 Not Found", way="list").body == b"SECRET"


def test_a_text_as_the_page(httpd):
    assert ask(httpd, status="500 Own", way="list").text == "an apology"


def test_what_belongs_to_the_answer_survives_and_what_belongs_to_its_body_does_not(httpd):
    kept = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Retry-After", "7"], ["Cache-Control", "no-store"],
            ["Access-Control-Allow-Origin", "*"], ["X-Request-Id", "r"]]
    dropped = [["Content-Type", "text/x-own"], ["Content-Length", "6"], ["Content-Encoding", "x-own"],
               ["Content-Disposition", "attachment"], ["ETag", '"own"'], ["Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"],
               ["Content-Security-Policy", "script-src 'nonce-x'"]]
    for status in ("404 Not Found", "503 Busy"):
        answer = ask(httpd, status=status, way="list", headers=kept + dropped)
        for name in ("Set-Cookie", "Retry-After", "Cache-Control", "Access-Control-Allow-Origin", "X-Request-Id"):
            assert answer.header_all(name) == [value for key, value in kept if key == name]
        for name, value in dropped:
            assert value not in answer.header_all(name), name


@pytest.mark.parametrize("status", ["405 Not Here", "501 Not At All", "404 Not Found"])
def test_the_methods_are_the_applications(httpd, status):
    answer = ask(httpd, status=status, way="list", headers=[["Allow", "GET, X-OWN"], ["Allow", "put,POST"]])
    assert answer.status == int(status[:3])
    named = {name.strip() for value in answer.header_all("Allow") for name in value.split(",")}
    assert named - {"TRACE", "HEAD"} == {"GET", "X-OWN", "put", "POST"}  # those two are httpd's to add


def test_a_challenge_survives(httpd):
    answer = ask(httpd, status="401 Who", way="list",
                 headers=[["WWW-Authenticate", "Basic realm=a"], ["WWW-Authenticate", "Bearer"]])
    assert answer.header_all("WWW-Authenticate") == ["Basic realm=a", "Bearer"]
    assert b"SECRET" not in answer.body


def test_head(httpd):
    answer = ask(httpd, method="HEAD", status="404 Not Found", way="list")
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("way", ["generator", "endless"])
def test_the_rest_is_not_run_and_close_is_called(httpd, way):
    note = httpd.folder / "writable" / f"closed-{way}"
    answer = ask(httpd, status="404 Not Found", way=way, close=str(note))
    assert answer.text == PAGE
    until(lambda: note.exists() and note.read_text() == "c", "close() is called")


def test_a_writer_without_an_end_is_stopped(httpd):
    assert ask(httpd, status="404 Not Found", way="write-endless").text == PAGE


def test_an_exception_behind_the_first_block_changes_nothing_for_the_client(httpd):
    assert ask(httpd, status="404 Not Found", way="late").text == PAGE
    httpd.allow_log("BRINE0401")  # the rest may not be run at all


def test_an_exception_before_it_is_a_failure_as_ever(httpd):
    answer = ask(httpd, status="404 Not Found", way="raises")
    assert (answer.status, answer.text) == (500, "an apology")
    httpd.expect_log("BRINE0401")


def test_the_page_may_be_the_applications_own(httpd):
    """An ErrorDocument that an application answers is not overridden in its turn."""
    answer = ask(httpd, status="410 Gone", way="generator")
    assert (answer.status, answer.body) == (410, b"SECRET")


def test_an_unread_body_does_not_hold_the_page_up(httpd):
    with httpd.raw() as raw:
        wish = quote(json.dumps({"status": "404 Not Found", "way": "list"}))
        raw.send(f"POST /on?{wish} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n".encode())
        raw.send(b"x" * 100_000)  # of which httpd takes 64 KiB before the application is asked
        assert PAGE.encode() in raw.read_until(PAGE.encode())


def test_the_connection_stays_in_step(httpd):
    connection = httpd.connect()
    for way in ("list", "generator", "empty", "write"):
        connection.request("GET", "/on?" + quote(json.dumps({"status": "404 No", "way": way})))
        assert connection.getresponse().read() == PAGE.encode()
    connection.close()
