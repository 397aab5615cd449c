"""A daemon process that writes frames of its own: what httpd's child keeps of them is bounded."""

import pytest

from harness.deadline import until

pytestmark = pytest.mark.modes("daemon")

CONFIG = "WSGIScriptAlias /forged {apps}/forged.wsgi\nWSGIScriptAlias /hello {apps}/hello.wsgi"


@pytest.mark.parametrize("what", ["heads", "files", "notes"])
def test_what_a_response_has_is_bounded(start_httpd, what):
    httpd = start_httpd(CONFIG)
    answer = httpd.get(f"/forged?{what}")
    assert answer.status == 502 or not answer.complete
    httpd.expect_log("BRINE0603: .*what nobody can read")
    httpd.allow_log("BRINE06|BRINE0401")
    until(lambda: httpd.get("/hello").status == 200, "others are served")
