"""WSGILocationRedirect: an application that leaves the sending of a file, or of a page, to httpd."""

import json
import subprocess
from urllib.parse import quote

import pytest

from harness.deadline import SCALE, until

MODULES = ("http2",)
CONFIG = """
Protocols h2c http/1.1
WSGIScriptAlias /app {apps}/replaced.wsgi
WSGIScriptAlias /on {apps}/replaced.wsgi
WSGIScriptAlias /off {apps}/replaced.wsgi
WSGIScriptAlias /page/environ {apps}/environ.wsgi
WSGIScriptAlias /page/again {apps}/replaced.wsgi
<Location /on>
  WSGILocationRedirect On
</Location>
<Location /off>
  WSGILocationRedirect Off
</Location>
<Location /private>
  Require expr "reqenv('REDIRECT_STATUS') == '200'"
</Location>
<Location /forbidden>
  Require all denied
</Location>
ErrorDocument 404 /static/404.html
<Directory "{dir}/htdocs/again">
  RewriteEngine On
  RewriteRule ^old\\.txt$ new.txt
  RewriteRule ^far\\.txt$ /again/new.txt [PT]
  RewriteRule ^twice\\.txt$ /again/old.txt [L]
  RewriteRule ^gone\\.txt$ none.txt
</Directory>
<Directory "{dir}/htdocs/acts">
  Action x-act /page/environ
  SetHandler x-act
</Directory>
AddType application/x-note .note
"""
CONTENT = b"".join(b"%07d\n" % i for i in range(20000))


def ask(httpd, location, url="/on", method="GET", body=None, headers=None, **wish):
    fields = [*wish.pop("fields", ()), ["Location", location]]
    return httpd.request(method, f"{url}?{quote(json.dumps({'headers': fields, **wish}))}", body, headers or {})


@pytest.fixture(autouse=True)
def files(httpd):
    folder = httpd.folder / "htdocs"
    for name in ("private/a.note", "private/no-extension", "forbidden/a.note"):
        httpd.write(f"htdocs/{name}", CONTENT.decode())
    httpd.write("htdocs/static/404.html", "not here")
    return folder


# --- where it is done ---------------------------------------------------------------------------


@pytest.mark.modes("daemon")
def test_it_is_done_in_daemon_mode(httpd):
    answer = ask(httpd, "/private/a.note", "/app")
    assert (answer.status, answer.body, answer.header("Location")) == (200, CONTENT, None)


@pytest.mark.modes("embedded")
def test_it_is_not_done_in_embedded_mode(httpd):
    answer = ask(httpd, "/private/a.note", "/app", way="list")
    assert (answer.status, answer.body, answer.header("Location")) == (200, b"SECRET", "/private/a.note")


def test_off(httpd):
    answer = ask(httpd, "/private/a.note", "/off", way="list")
    assert (answer.status, answer.body, answer.header("Location")) == (200, b"SECRET", "/private/a.note")


@pytest.mark.parametrize("status, location", [
    ("201 Created", "/private/a.note"), ("302 Found", "/private/a.note"), ("404 No", "/private/a.note"),
    ("200 OK", "http://127.0.0.1/private/a.note"), ("200 OK", "//private/a.note"), ("200 OK", "private/a.note"),
    ("200 OK", "///private/a.note"), ("200 OK", ""), ("200 OK", "/private/\ta.note")])
def test_what_is_no_local_redirect_is_passed_on(httpd, status, location):
    answer = ask(httpd, location, status=status, way="list")
    assert (answer.status, answer.body) == (int(status[:3]), b"SECRET")
    assert answer.header("Location") == location


# --- the file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["empty", "list", "generator", "write", "file"])
def test_the_client_gets_the_file_and_nothing_else(httpd, files, way):
    answer = ask(httpd, "/private/a.note", way=way, path=str(files / "static" / "404.html"))
    assert (answer.status, answer.body, answer.complete) == (200, CONTENT, True)
    assert answer.header("Location") is None
    assert answer.header("Content-Length") == str(len(CONTENT))


def test_from_outside_it_cannot_be_had(httpd):
    assert httpd.get("/private/a.note").status == 403
    httpd.expect_log("AH01630|AH01797")


def test_httpds_access_rules_hold(httpd):
    answer = ask(httpd, "/forbidden/a.note")
    assert (answer.status, answer.header("Location")) == (403, None)
    assert CONTENT not in answer.body
    httpd.expect_log("AH01630|AH01797")


@pytest.mark.parametrize("path", ["/private/../../etc/passwd", "/%2e%2e/etc/passwd", "/private/%00"])
def test_no_path_leads_out(httpd, path):
    answer = ask(httpd, path)
    assert answer.status in (400, 403, 404)
    assert b"root:" not in answer.body
    httpd.allow_log("AH10244|AH00127|AH0")


def test_a_file_that_is_not_there(httpd):
    answer = ask(httpd, "/private/none", fields=[["Content-Disposition", "attachment"], ["Content-Type", "x/y"]])
    assert (answer.status, answer.body) == (404, b"not here")
    assert answer.header("Content-Disposition") is None
    assert answer.header("Content-Type") == "text/html"


def test_ranges_and_conditions_are_httpds(httpd):
    answer = ask(httpd, "/private/a.note", headers={"Range": "bytes=8-15"})
    assert (answer.status, answer.body) == (206, CONTENT[8:16])
    tag = ask(httpd, "/private/a.note").header("ETag")
    assert ask(httpd, "/private/a.note", headers={"If-None-Match": tag}).status == 304


def test_head(httpd):
    answer = ask(httpd, "/private/a.note", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Length") == str(len(CONTENT))


# --- the application's fields -------------------------------------------------------------------


def test_fields_that_django_sendfile_sets(httpd):
    """Its backend mod_wsgi: the length and type of the file, beside an empty body."""
    answer = ask(httpd, "/private/no-extension", fields=[
        ["Content-Length", str(len(CONTENT))], ["Content-Type", "application/pdf"],
        ["Content-Disposition", 'attachment; filename="a.pdf"'], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]])
    assert (answer.body, answer.complete) == (CONTENT, True)
    assert answer.header("Content-Type") == "application/pdf"
    assert answer.header("Content-Disposition") == 'attachment; filename="a.pdf"'
    assert answer.header_all("Set-Cookie") == ["a=1", "b=2"]


def test_what_httpd_knows_of_the_file_wins(httpd):
    answer = ask(httpd, "/private/a.note", fields=[
        ["Content-Type", "text/html"], ["Content-Length", "3"], ["ETag", '"own"'], ["Content-Encoding", "gzip"],
        ["Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"], ["Content-Range", "bytes 1-2/3"]])
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.header("Content-Type") == "application/x-note"
    assert answer.header("ETag") != '"own"'
    assert not answer.header("Last-Modified").endswith("1970 00:00:00 GMT")
    assert answer.header("Content-Encoding") is answer.header("Content-Range") is None


@pytest.mark.parametrize("location, body", [
    ("/again/old.txt", b"again/new.txt"), ("/again/far.txt", b"again/new.txt"), ("/again/twice.txt", b"again/new.txt"),
    ("/acts/a.txt", None)], ids=["rewritten", "passed-through", "twice", "action"])
def test_they_survive_where_the_path_leads_on(httpd, location, body):
    """What httpd finds under the path may be an internal redirect in its turn."""
    for name in ("again/new.txt", "acts/a.txt"):
        httpd.write(f"htdocs/{name}", name)
    answer = ask(httpd, location, fields=[["Content-Disposition", "attachment"], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]])
    assert answer.status == 200
    assert body is None or answer.body == body
    assert answer.header_all("Content-Disposition") == ["attachment"]
    assert answer.header_all("Set-Cookie") == ["a=1", "b=2"]


def test_an_error_page_behind_such_a_path_has_none_of_them(httpd):
    answer = ask(httpd, "/again/gone.txt", fields=[["Content-Disposition", "attachment"]])
    assert (answer.status, answer.body) == (404, b"not here")
    assert answer.header("Content-Disposition") is None


# --- the request --------------------------------------------------------------------------------


def test_a_page_of_another_application(httpd):
    answer = ask(httpd, "/page/environ/p?q=1&r=2", method="POST", body=b"the body", way="read")
    seen = {name: value for name, (_, value) in answer.json().items()}
    assert seen["REQUEST_METHOD"] == "GET" and "CONTENT_LENGTH" not in seen
    assert (seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/p", "q=1&r=2")
    assert (seen["REDIRECT_STATUS"], seen["REDIRECT_URL"]) == ("200", "/on")


@pytest.mark.parametrize("way", ["empty", "read"])
@pytest.mark.parametrize("chunked", [False, True])
def test_after_a_body_the_next_request_is_understood(httpd, way, chunked):
    wish = quote(json.dumps({"headers": [["Location", "/private/a.note"]], "way": way}))
    body = b"5\r\nGET /\r\n0\r\n\r\n" if chunked else b"GET /smuggled HTTP/1.1\r\n\r\n"
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    first = f"POST /on?{wish} HTTP/1.1\r\nHost: h\r\n{how}\r\n\r\n".encode() + body
    second = b"GET /static/404.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    data = httpd.exchange(first + second)
    # Where the application has not read its request's body, the connection ends with the answer.
    assert data.count(b"HTTP/1.1 ") == data.count(b"HTTP/1.1 200 OK") in (1, 2)
    assert b"/smuggled" not in data


def test_a_loop_ends(httpd):
    answer = ask(httpd, "", way="loop")
    assert answer.status == 500
    httpd.expect_log("AH00124")


@pytest.mark.parametrize("way", ["generator", "endless"])
def test_the_rest_is_not_run_and_close_is_called(httpd, way):
    note = httpd.folder / "writable" / f"closed-{way}"
    assert ask(httpd, "/private/a.note", way=way, close=str(note)).body == CONTENT
    until(lambda: note.exists() and note.read_text() == "c", "close() is called")


def test_an_exception_before_the_first_block_is_a_failure(httpd):
    answer = ask(httpd, "/private/a.note", way="raises")
    assert (answer.status, answer.header("Location")) == (500, None)
    httpd.expect_log("BRINE0401")


def test_the_connection_stays_in_step(httpd):
    connection = httpd.connect()
    wish = quote(json.dumps({"headers": [["Location", "/private/a.note"]]}))
    for path, body in ((f"/on?{wish}", CONTENT), ("/static/404.html", b"not here"), (f"/on?{wish}", CONTENT)):
        connection.request("GET", path)
        assert connection.getresponse().read() == body
    connection.close()


def test_http_2(httpd):
    wish = quote(json.dumps({"headers": [["Location", "/private/a.note"]], "way": "generator"}))
    said = subprocess.run(["curl", "-sS", "-i", "--http2-prior-knowledge", "--max-time", str(20 * SCALE),
                           httpd.url(f"/on?{wish}")], capture_output=True, check=True).stdout
    head, _, body = said.partition(b"\r\n\r\n")
    assert body == CONTENT and b"location:" not in head.lower()
