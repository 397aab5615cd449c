"""Uploads to frameworks: what comes in chunks arrives as what comes with a length."""

import json

import pytest

from harness.forms import form, multipart

pytestmark = pytest.mark.modes("embedded", "daemon")

CONFIG = "WSGIScriptAlias / {apps}/uploads.wsgi"
SMALL, LARGE = "grüße " * 10, "words " * 13_000  # beyond what httpd holds in memory, within what bottle does


def pieces(body, size=50_000):
    return iter([body[at:at + size] for at in range(0, len(body), size)])


def encoded(way, text):
    """(body, headers)."""
    if way == "form":
        return form(text=text)
    if way == "file":
        return multipart("file", "a.bin", text.encode())
    kinds = {"body": (text, "application/octet-stream"), "json": (json.dumps({"text": text}), "application/json")}
    body, kind = kinds[way]
    return body.encode(), {"Content-Type": kind}


@pytest.mark.parametrize("send", [bytes, pieces], ids=["sized", "chunked"])
@pytest.mark.parametrize("text", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("way", ["body", "json", "form", "file"])
@pytest.mark.parametrize("framework", ["bottle", "falcon", "flask"])
def test_uploads(httpd, framework, way, text, send):
    body, headers = encoded(way, text)
    answer = httpd.request("POST", f"/{framework}/{way}", send(body), headers)
    assert (answer.status, answer.text) == (200, text)
