"""HTTP/2 without TLS: the same answers through mod_http2, and its way to say "cut"."""

import subprocess

import pytest

from harness.deadline import SCALE, until

CONFIG = """
Protocols h2c http/1.1
WSGIScriptAlias /shape {apps}/response.wsgi
WSGIScriptAlias /errors {apps}/errors.wsgi
WSGIScriptAlias /length {apps}/length.wsgi
WSGIScriptAlias /close {apps}/close.wsgi
WSGIScriptAlias /digest {apps}/digest.wsgi
WSGIScriptAlias /send {apps}/file_wrapper.wsgi
WSGIScriptAlias /app/environ.wsgi {apps}/environ.wsgi
"""
MODULES = ("http2",)
LARGE = b"x" * 3_000_000


def curl(httpd, path, *options, check=True):
    """curl's output over HTTP/2 with prior knowledge, and its exit status."""
    result = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--max-time",
                             str(20 * SCALE), *options, httpd.url(path)], capture_output=True)
    if check:
        assert result.returncode == 0, result.stderr
    return result.stdout if check else (result.returncode, result.stdout)


@pytest.mark.parametrize("shape, body", [("list", b"one block"), ("generator", b"generator"),
                                         ("empty-list", b""), ("large", LARGE),
                                         ("write-and-list", b"written then listed")],
                         ids=["list", "generator", "empty", "large", "write"])
def test_shapes(httpd, shape, body):
    assert curl(httpd, f"/shape?{shape}") == body


def test_it_is_http_2(httpd):
    assert curl(httpd, "/shape?list", "-o", "/dev/null", "-w", "%{http_version}") == b"2"
    assert b'"HTTP/2.0"' in curl(httpd, "/app/environ.wsgi")


def test_head(httpd):
    said = curl(httpd, "/shape?list", "-I")
    assert b"content-length: 9" in said


def test_upload(httpd):
    body = b"u" * 2_000_000
    path = httpd.write("upload", body.decode())
    assert curl(httpd, "/digest", "--data-binary", f"@{path}").startswith(b"2000000 ")


def test_file(httpd):
    path = httpd.write("htdocs/file", "z" * 200_000)
    assert curl(httpd, f"/send{path}?whole") == b"z" * 200_000


@pytest.mark.parametrize("path, code", [("/errors?plain-later", "BRINE0401"),
                                        ("/length?4500=10", "BRINE0406")])
def test_a_cut_response_is_a_stream_error(httpd, path, code):
    status, _ = curl(httpd, path, check=False)
    assert status != 0, "a cut response looked complete"
    httpd.expect_log(code)
    assert curl(httpd, "/shape?list") == b"one block"


def test_exception_before_headers(httpd):
    assert b"500" in curl(httpd, "/errors?plain", "-i").split(b"\r\n")[0]
    httpd.expect_log("BRINE0401")


def test_aborted_stream(httpd):
    note = httpd.folder / "writable" / "closed"
    status, _ = curl(httpd, f"/close{note}?endless", "--max-time", "0.5", "-o", "/dev/null",
                     check=False)
    assert status == 28  # the time was up
    until(lambda: note.exists() and note.read_text() == "c", "close() is called")
    assert curl(httpd, "/shape?list") == b"one block"


def test_many_streams(httpd):
    result = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "16",
                             httpd.url("/shape?generator")], capture_output=True, text=True)
    assert "2000 succeeded, 0 failed, 0 errored" in result.stdout, result.stdout


def test_a_subscriber_of_events_that_hangs_holds_no_response_up(start_httpd):
    httpd = start_httpd(CONFIG + "WSGIScriptAlias /events {apps}/server_api.wsgi\n", modules=MODULES)
    httpd.get("/events/subscribe?hangs")
    assert curl(httpd, "/events/stream?hang") == b"{}{}{}"
    until(lambda: httpd.get("/events/hanging").json(), "the subscriber")
    httpd.get("/events/release")
