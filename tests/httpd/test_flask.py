"""Debian's Flask: `Flask(__name__)` in a script finds its folder; pages, uploads, streams."""

import json

import pytest

from harness.forms import cookies, form, multipart

CONFIG = """
WSGIScriptAlias /site {apps}/flask_site/site.wsgi application-group=%{GLOBAL}
WSGIScriptAlias /sub {apps}/flask_site/site.wsgi application-group=another
"""


def test_root_path(httpd):
    seen = httpd.get("/site/root").json()
    assert seen["root_path"] == str(httpd.folder.parent / "apps" / "flask_site")
    assert seen["static"] == "/site/static/site.css"
    assert seen["import_name"].startswith("_mod_wsgi_")


@pytest.mark.parametrize("mount", ["/site", "/sub"])
def test_template_and_session(httpd, mount):
    answer = httpd.get(f"{mount}/")
    assert "Visit number 1" in answer.text
    assert "Visit number 2" in httpd.get(f"{mount}/", Cookie=cookies(answer)).text


def test_static_file(httpd):
    answer = httpd.get("/site/static/site.css")
    assert answer.text == "body { color: teal; }\n"
    again = httpd.get("/site/static/site.css", If_None_Match=answer.header("ETag"))
    assert (again.status, again.body) == (304, b"")


def test_form(httpd):
    body, headers = form(name="Ada \u20ac")
    assert httpd.request("POST", "/site/greet", body, headers).text == "Hello Ada \u20ac"


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_upload(httpd, size):
    body, headers = multipart("file", "f.bin", b"\xff" * size)
    assert httpd.request("POST", "/site/upload", body, headers).json() == {
        "name": "f.bin", "size": size}
    blocks = (body[i:i + 70_000] for i in range(0, len(body), 70_000))
    assert httpd.request("POST", "/site/upload", blocks, headers).json()["size"] == size


def test_stream(httpd):
    answer = httpd.get("/site/stream?word=w")
    assert answer.text == "".join(f"w {i}\n" for i in range(1000))


def test_send_file(httpd):
    assert httpd.get("/site/download").body == b"download " * 10000
    script = (httpd.folder.parent / "apps/flask_site/site.wsgi").read_bytes()
    answer = httpd.get("/site/file")
    assert answer.body == script
    assert answer.header("Content-Length") == str(len(script))


def test_ranges(httpd):
    answer = httpd.get("/site/file", Range="bytes=4-13")
    script = (httpd.folder.parent / "apps/flask_site/site.wsgi").read_bytes()
    assert (answer.status, answer.body) == (206, script[4:14])


def test_json(httpd):
    answer = httpd.post("/site/json", json.dumps({"x": "\u20ac"}), Content_Type="application/json")
    assert answer.json() == {"x": "\u20ac"}


def test_redirects_and_errors(httpd):
    assert httpd.get("/site/away").header("Location") == "/elsewhere"
    assert httpd.get("/site/nothing").status == 404
    assert httpd.get("/site/teapot").status == 418


def test_exception_in_a_view(httpd):
    assert httpd.get("/site/fail").status == 500
    httpd.expect_log("Flask's view failed")
    httpd.allow_log(".")
