"""`brine status` and `brine top` against a server."""

import json
import os
import pty
import subprocess
import sys

import jsonschema
import pytest

from harness.build import REPOSITORY
from harness.deadline import SCALE, until
from harness.metrics import CONFIG as STATUS

pytestmark = pytest.mark.modes("groups")

CONFIG = STATUS + """
WSGIDaemonProcess site processes=1 threads=2
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%{GLOBAL}
"""
SCHEMA = json.loads((REPOSITORY / "docs" / "status.schema.json").read_text())
COMMAND = [sys.executable, "-m", "brine"]


def brine(*words):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60 * SCALE)


def test_the_json_is_the_servers(httpd):
    pid = int(httpd.get("/app").body)
    answer = brine("status", "--json", httpd.url("/"))
    assert (answer.returncode, answer.stderr) == (0, "")
    shown = json.loads(answer.stdout)
    jsonschema.validate(shown, SCHEMA)
    assert pid in [process["pid"] for group in shown["groups"] for process in group["running"]]


def test_one_frame_into_a_pipe(httpd):
    httpd.get("/app")
    until(lambda: "0/2" in brine("status", httpd.url("/brine-status")).stdout, "its thread is free again")
    for words in (["status"], ["top", "--interval", "0.1"]):
        answer = brine(*words, httpd.url("/brine-status"))
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout.count("GROUP") == 1 and "site   1/1    0/2" in answer.stdout, answer.stdout
        assert "\x1b" not in answer.stdout
    assert "0.0/s" in answer.stdout


def test_a_process_is_asked_at_its_own_port(httpd):
    httpd.get("/app")
    answer = brine("status", "--pid", str(httpd.pid))
    assert answer.returncode == 0 and "site" in answer.stdout, answer.stderr


def test_what_cannot_be_asked(httpd):
    httpd.allow_log("AH|BRINE")
    for words, said in ((["localhost:1"], "cannot be asked"), ([httpd.url("/app")], "something else"),
                        ([httpd.url("/none")], "answers 404"), (["--pid", str(os.getpid())], "No port"),
                        (["ftp://x"], "no URL"), ([httpd.url("/"), "--pid", "1"], "both")):
        answer = brine("status", *words)
        assert answer.returncode == 2 and said in answer.stderr, answer.stderr
        assert "Traceback" not in answer.stderr


def test_a_group_that_cannot_serve_is_told_by_the_exit_status(start_httpd):
    server = start_httpd(CONFIG + "WSGIDaemonProcess broken home=/no/such/folder\n"
                         "WSGIScriptAlias /b {apps}/pid.wsgi process-group=broken application-group=%{GLOBAL}\n")
    server.allow_log("BRINE0020")
    answer = brine("status", server.url("/"))
    assert answer.returncode == 1 and "broken is out of order: " in answer.stdout


def test_top_in_a_terminal(httpd):
    """It draws again and again, ends by q, and leaves the terminal as it was."""
    httpd.get("/app")
    ours, theirs = pty.openpty()
    top = subprocess.Popen([*COMMAND, "top", "--interval", "0.1", httpd.url("/")], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.set_blocking(ours, False)
    seen = b""

    def drawn(times):
        nonlocal seen
        try:
            seen += os.read(ours, 65536)
        except OSError:
            pass
        return seen.count(b"\x1b[H") >= times

    try:
        until(lambda: drawn(3), "it has drawn three times")
        os.write(ours, b"q")
        until(lambda: drawn(3) and top.poll() is not None, "it has ended")
    finally:
        top.kill()
        top.wait()
        drawn(0)
        os.close(ours)
    assert top.returncode == 0
    assert seen.startswith(b"\x1b[?1049h") and seen.rstrip().endswith(b"\x1b[?1049l")
    assert b"site" in seen
