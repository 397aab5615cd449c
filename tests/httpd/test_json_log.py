"""WSGILogFormat JSON: one object a line, which nobody forges."""

import json
import random
import re
from urllib.parse import quote_from_bytes

import pytest

from harness.deadline import until
from harness.errorlog import TWO_LOGS

CONFIG = """
WSGILogFormat JSON
LogLevel wsgi:debug
WSGILogging On
WSGIScriptAlias /app {apps}/joined.wsgi
WSGIScriptAlias /logs {apps}/logs.wsgi
"""
MEMBERS = {"time", "level", "pid", "tid", "server", "request_id", "client", "method", "path", "code", "message", "part", "parts"}


@pytest.fixture
def objects(httpd):
    """objects(): the records since the test began."""
    httpd.allow_log(r"^\{")

    def read():
        return [json.loads(record.line) for record in httpd.log.records() if record.line.startswith("{")]

    return read


def found(objects, condition):
    return until(lambda: [each for each in objects() if condition(each)], "the record")


@pytest.mark.axes("python", "interpreter", "mpm")
def test_an_event_is_one_object(httpd, objects):
    httpd.get("/app/raise?secret")
    record, = found(objects, lambda each: each.get("code") == "BRINE0401")
    assert set(record) <= MEMBERS
    assert record["level"] == "ERROR" and record["method"] == "GET" and record["path"] == "/app/raise"
    assert record["message"].startswith("ValueError: 'raised here'") or "raised here" in record["message"]
    assert "\n" in record["message"] and 'File "' in record["message"]
    assert record["request_id"] and record["client"] == "127.0.0.1" and record["pid"] > 0 and record["tid"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["time"])


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_levels_are_python_s(httpd, objects, level):
    httpd.get(f"/logs/{level}?at-{level}")
    record, = found(objects, lambda each: each["message"] == f"at-{level}")
    assert record["level"] == level


def test_the_id_joins_it_to_what_the_application_was_told(httpd, objects):
    httpd.get("/app/record?joined")
    record, = found(objects, lambda each: each["message"].endswith("> joined"))
    assert record["message"] == f"<{record['request_id']}> joined"


NASTY = [b'", "level": "CRITICAL', b"\\", b'\\"}', b"\r", b"\x1b[2J", b"\x00", b"\x7f", "\u2028\u2029\x85".encode(), b"\xff\xfe",
         b"\xed\xa0\x80", "\U0001f600".encode(), b"\xc3", b"}\r{", b"BRINE0610: forged", b"\xf4\x90\x80\x80", b"\xe2\x80\xae"]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_forges_a_record(httpd, objects, text):
    httpd.get("/app/print?" + quote_from_bytes(b"begin" + text + b"end"))
    record, = found(objects, lambda each: each["message"].startswith("begin") and each["message"].endswith("end"))
    assert record["level"] == "ERROR" and "code" not in record
    assert record["message"][5:-3] == text.decode("utf-8", "replace") or "\ufffd" in record["message"]
    assert all(line.isascii() and line.isprintable() for line in httpd.log.path.read_text().splitlines())


def test_what_an_application_prints_has_no_code(httpd, objects):
    httpd.get("/app/print?BRINE0401:%20forged")
    record, = found(objects, lambda each: "forged" in each["message"])
    assert "code" not in record and record["message"] == "> BRINE0401: forged"


def test_random_bytes_are_lines_of_their_own(httpd, objects):
    """Fuzzed, with a fixed seed: each of these writes exactly one object, and all are whole."""
    noise = random.Random(17)
    for number in range(60):
        text = noise.randbytes(noise.randrange(1, 120)).replace(b"\n", b"")
        httpd.get("/app/print?" + quote_from_bytes(b"n%d:" % number + text + b":z"))
        record, = found(objects, lambda each: each["message"].startswith(f"n{number}:"))
        assert record["message"].endswith(":z") and set(record) <= MEMBERS


def test_a_client_s_path_is_a_member_and_no_more(httpd, objects):
    httpd.get('/app/print/%22%7d?x')
    httpd.get("/app/record?seen")
    assert found(objects, lambda each: each["message"].endswith("> seen"))


def test_a_long_text_is_in_parts(httpd, objects):
    httpd.get("/app/print?" + "x" * 7000)
    parts = until(lambda: [each for each in objects() if each.get("parts") == 3], "the parts")
    until(lambda: len([each for each in objects() if each.get("parts") == 3]) == 3, "all parts")
    parts = [each for each in objects() if each.get("parts") == 3]
    assert [each["part"] for each in parts] == [1, 2, 3]
    assert "".join(each["message"] for each in parts) == "x" * 7000
    assert max(map(len, httpd.log.path.read_text().splitlines())) < 4096


def test_records_of_a_process_are_objects_too(start_httpd):
    server = start_httpd(CONFIG)
    server.allow_log(r"^\{")
    server.get("/app/ids")
    messages = until(lambda: [each for each in map(json.loads, (record.line for record in server.log.records(0) if record.line.startswith("{")))
                              if each["message"].startswith("loaded WSGI script")], "the record of a load")
    assert messages[0]["level"] == "INFO"


def test_a_virtual_host_has_its_own_format(start_httpd):
    hosts = TWO_LOGS.replace("other.log\n", "other.log\n  WSGILogFormat JSON\n")
    server = start_httpd("WSGIScriptAlias /app {apps}/joined.wsgi\n" + hosts)
    server.get("/app/print?here", Host="other.example")
    other = server.folder / "other.log"
    record = until(lambda: [json.loads(line) for line in other.read_text().splitlines() if "here" in line], "the record")[0]
    assert record["server"] == "other.example" and record["message"] == "here"
    server.get("/app/print?there", Host="main.example")
    server.expect_log(r"\[wsgi:error\].*there")


def test_a_program_that_takes_the_log_gets_objects(start_httpd):
    server = start_httpd(CONFIG + """
        <VirtualHost 127.0.0.1:{port}>
          ServerName piped.example
          ErrorLog "|/usr/bin/tee {dir}/piped.log"
        </VirtualHost>
        """)
    server.get("/app/print?through", Host="piped.example")
    piped = server.folder / "piped.log"
    found = until(lambda: piped.exists() and [line for line in piped.read_text().splitlines() if "through" in line], "the record")
    assert json.loads(found[0])["message"] == "through"
