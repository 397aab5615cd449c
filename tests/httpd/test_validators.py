"""The server's side of PEP 3333 as wsgiref, werkzeug and webtest check it."""

import pytest

CONFIG = """
WSGIScriptAlias /checked {apps}/validated.wsgi
"""
CHECKERS = ["wsgiref", "werkzeug", "webtest"]


@pytest.mark.parametrize("checker", CHECKERS)
def test_get(httpd, checker):
    answer = httpd.get(f"/checked/some/path?checker={checker}")
    assert (answer.status, answer.body) == (200, b"got nothing")


@pytest.mark.parametrize("checker", CHECKERS)
def test_post(httpd, checker):
    answer = httpd.post(f"/checked?checker={checker}", b"a body", Content_Type="text/plain")
    assert (answer.status, answer.body) == (200, b"got a body")


@pytest.mark.parametrize("checker", CHECKERS)
def test_unusual_urls(httpd, checker):
    assert httpd.get(f"/checked/caf%C3%A9%20x//y?checker={checker}&%C3%A9=1").status == 200


@pytest.mark.parametrize("checker", ["wsgiref", "webtest"])
def test_many_headers(httpd, checker):
    headers = {f"X-Header-{i}": "v" for i in range(40)}
    assert httpd.request("GET", f"/checked?checker={checker}", headers=headers).status == 200
