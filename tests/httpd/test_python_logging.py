"""WSGILogging and mod_wsgi.LogHandler: the levels of Python's logging are httpd's."""

import pytest

from harness.deadline import until
from harness.errorlog import TWO_LOGS, ErrorLog

CONFIG = """
LogLevel warn wsgi:debug
WSGILogging On
WSGIScriptAlias /logs {apps}/logs.wsgi
WSGIScriptAlias /itself {apps}/logs_itself.wsgi
""" + TWO_LOGS
LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "crit"}


@pytest.mark.axes("python", "interpreter")
@pytest.mark.parametrize("level", LEVELS)
def test_levels(httpd, level):
    httpd.allow_log(rf"\[wsgi:{LEVELS[level]}\].* at-{level}")
    httpd.get(f"/logs/{level}?at-{level}")
    found = until(lambda: [record for record in httpd.log.records() if record.text.endswith(f"at-{level}")], "the record")
    assert [record.level for record in found] == [LEVELS[level]]


def test_it_is_the_log_of_the_virtual_host(httpd):
    httpd.get("/logs/ERROR?elsewhere", Host="other.example")
    other = ErrorLog(httpd.folder / "other.log")
    until(lambda: "elsewhere" in [record.text for record in other.records()], "the record")
    assert "elsewhere" not in [record.text for record in httpd.log.records()]


def test_a_text_of_several_lines_forges_no_record(httpd):
    httpd.allow_log(r"\[wsgi:error\].* (> BRINE0401:forged|second)")
    httpd.get("/logs/ERROR?BRINE0401:forged+second")
    until(lambda: "second" in [record.text for record in httpd.log.records()], "the second line")
    texts = [record.text for record in httpd.log.records()]
    assert not [text for text in texts if text.startswith("BRINE0401")]


def test_the_root_logger_has_it_and_the_level_of_httpds_log(httpd):
    assert httpd.get("/logs/handlers").json() == [["mod_wsgi.LogHandler"], "DEBUG"]


@pytest.mark.axes("interpreter")
def test_an_application_that_configures_logging_is_let_be(start_httpd):
    httpd = start_httpd("WSGILogging On\nWSGIScriptAlias /itself {apps}/logs_itself.wsgi\n")
    assert httpd.get("/itself").text == "StreamHandler"
    httpd.expect_log(r"\[wsgi:error\].* its own here")


def test_off_is_the_default(start_httpd):
    httpd = start_httpd("WSGIScriptAlias /logs {apps}/logs.wsgi\n")
    assert httpd.get("/logs/handlers").json() == [[], "WARNING"]
