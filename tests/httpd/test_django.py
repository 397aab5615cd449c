"""Debian's Django: pages, forms with CSRF protection, uploads, streams, static files by Alias."""

import json
import re

from harness.forms import cookies, form, multipart

CONFIG = """
WSGIPythonPath {apps}/django_site
Alias /static {apps}/flask_site/static
WSGIScriptAlias / {apps}/django_site/site.wsgi application-group=%{GLOBAL}
"""


def page(httpd):
    """The index page: (its text, what a form's POST has to send along)."""
    answer = httpd.get("/")
    assert answer.status == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.text)[1]
    return answer.text, token, cookies(answer)


def test_template(httpd):
    text, _, _ = page(httpd)
    assert "Visit number 1" in text
    assert 'href="/static/site.css"' in text


def test_session(httpd):
    cookie = cookies(httpd.get("/"))
    assert "Visit number 2" in httpd.get("/", Cookie=cookie).text


def test_form_with_csrf_token(httpd):
    _, token, cookie = page(httpd)
    body, headers = form(name="Ada", csrfmiddlewaretoken=token)
    answer = httpd.request("POST", "/greet", body, {**headers, "Cookie": cookie})
    assert (answer.status, answer.text) == (200, "Hello Ada")


def test_form_without_csrf_token(httpd):
    body, headers = form(name="Ada")
    answer = httpd.request("POST", "/greet", body, headers)
    assert answer.status == 403
    httpd.expect_log("Forbidden")


def test_uploads_in_memory_and_on_disk(httpd):
    _, token, cookie = page(httpd)
    for size, kind in ((1000, "InMemoryUploadedFile"), (3_000_000, "TemporaryUploadedFile")):
        body, headers = multipart("file", "f.bin", b"\0" * size, csrfmiddlewaretoken=token)
        answer = httpd.request("POST", "/upload", body, {**headers, "Cookie": cookie})
        assert answer.json() == {"name": "f.bin", "size": size, "kind": kind}


def test_chunked_upload(httpd):
    _, token, cookie = page(httpd)
    body, headers = multipart("file", "f.bin", b"x" * 200_000, csrfmiddlewaretoken=token)
    blocks = (body[i:i + 10_000] for i in range(0, len(body), 10_000))
    answer = httpd.request("POST", "/upload", blocks, {**headers, "Cookie": cookie})
    assert answer.status == 200
    assert answer.json() == {"name": "f.bin", "size": 200_000, "kind": "TemporaryUploadedFile"}


def test_stream(httpd):
    answer = httpd.get("/stream")
    assert answer.text == "".join(f"line {i}\n" for i in range(1000))
    assert answer.complete


def test_file_response(httpd):
    answer = httpd.get("/download")
    assert answer.body == b"download " * 10000
    assert answer.header("Content-Length") == "90000"
    assert "d.txt" in answer.header("Content-Disposition")


def test_urls_and_json(httpd):
    seen = httpd.get("/echo/caf%C3%A9?q=%E2%82%AC").json()
    assert (seen["word"], seen["query"]) == ("caf\u00e9", {"q": "\u20ac"})
    assert seen["host"] == f"127.0.0.1:{httpd.port}"
    assert seen["secure"] is False
    body, headers = json.dumps({"a": [1, 2]}), {"Content-Type": "application/json"}
    _, token, cookie = page(httpd)
    answer = httpd.request("POST", "/echo/x", body,
                           {**headers, "Cookie": cookie, "X-CSRFToken": token})
    assert answer.json()["body"] == {"a": [1, 2]}


def test_redirect(httpd):
    answer = httpd.get("/away")
    assert (answer.status, answer.header("Location")) == (302, "/elsewhere")


def test_not_found(httpd):
    assert httpd.get("/nothing").status == 404
    httpd.allow_log("Not Found")


def test_exception_in_a_view(httpd):
    assert httpd.get("/fail").status == 500
    httpd.expect_log("Django's view failed")
    httpd.allow_log(".")


def test_static_files_are_httpds(httpd):
    answer = httpd.get("/static/site.css")
    assert answer.text == "body { color: teal; }\n"
    assert answer.header("Content-Type") == "text/css"


def test_head(httpd):
    answer = httpd.request("HEAD", "/download")
    assert (answer.status, answer.body) == (200, b"")
