"""An application that fails after the last byte of its answer."""

import pytest

from harness.deadline import until

pytestmark = pytest.mark.modes("embedded", "daemon")

CONFIG = """
WSGIScriptAlias /late {apps}/late_failure.wsgi
"""
WHOLE = ["generator", "write", "write-and-raise", "close", "close-list"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("way", WHOLE)
def test_with_a_length_the_answer_is_whole(httpd, way, method):
    connection = httpd.connect()
    for _ in range(2):  # and the connection stays in step
        connection.request(method, f"/late?{way}&8")
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, answer.getheader("Content-Length")) == (200, "8")
        assert body == (b"12345678" if method == "GET" else b"")
        # Under HEAD the application is stopped after its first block: only close() is called.
        if method == "GET" or way.startswith("close"):
            httpd.expect_log("BRINE040[13].*")
            httpd.expect_log("ValueError: after the last byte")


@pytest.mark.parametrize("way", ["generator", "write", "write-and-raise"])
def test_without_a_length_it_is_cut(httpd, way):
    answer = httpd.get(f"/late?{way}")
    assert answer.status == 200
    assert not answer.complete, "a cut response looked complete"
    httpd.expect_log("BRINE0401.*")


@pytest.mark.parametrize("way", ["generator", "write"])
def test_before_its_last_byte_it_is_cut(httpd, way):
    answer = httpd.get(f"/late?{way}&9")
    assert not answer.complete
    httpd.expect_log("BRINE0401.*")


@pytest.mark.modes("daemon")
def test_a_process_that_dies_after_the_last_byte(httpd):
    answer = httpd.get("/late?die&8")
    assert (answer.status, answer.body, answer.complete) == (200, b"12345678", True)
    httpd.expect_log("BRINE0603")
    httpd.expect_log("BRINE0610: ")
    httpd.allow_log(r"BRINE0610\|")
    until(lambda: httpd.get("/late?generator-good&8").status == 200, "a new process serves")
