"""WSGIEventLog: a line of JSON for each event in a process's life, which nobody forges."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest

from harness.build import REPOSITORY
from harness.deadline import until
from harness.metrics import CONFIG as STATUS, alone

CONFIG = STATUS + """
WSGIEventLog {dir}/events.log
WSGIScriptAlias /pid {apps}/pid.wsgi
WSGIScriptAlias /app {apps}/joined.wsgi
"""
SCHEMA = json.loads((REPOSITORY / "docs" / "events.schema.json").read_text())
HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%s"]
"""


def events(server, name="events.log", **wanted):
    """The events with these members, in their order; every line follows the schema."""
    found = []
    path = server.folder / name
    text = path.read_text() if path.exists() else ""
    for line in text[:text.rfind("\n") + 1].splitlines():  # without one that is being written
        assert line.isascii()
        event = json.loads(line)
        jsonschema.validate(event, SCHEMA)
        found.append(event)
    return [event for event in found if wanted.items() <= event.items()]


def kinds(found):
    return [event["event"] for event in found]


@pytest.mark.axes("mpm")
def test_each_event_of_a_life(start_httpd, variant):
    daemon = variant.mode == "daemon"
    group = "group" if daemon else "%{GLOBAL}"
    server = start_httpd(CONFIG + "WSGIScriptAlias /own {dir}/own.wsgi\n", files={"own.wsgi": HELLO % "one"})
    pid = int(server.get("/pid").body)
    until(lambda: kinds(events(server, pid=pid, process_group=group)) == ["start", "ready"], "both are told of")
    assert events(server, event="ready", pid=pid)[0]["age_seconds"] > 0
    assert server.get("/own").body == b"one"
    server.write("own.wsgi", HELLO % "two")
    # One of httpd's processes that has not met the script loads the new code without a reload.
    reload = until(lambda: server.get("/own").body == b"two" and events(server, event="reload"), "a reload is told of")[0]
    assert reload["script"].endswith("/own.wsgi") and reload["process_group"] == group
    server.reload()
    end, = until(lambda: events(server, event="end", pid=pid), "the old process has ended")
    assert end["generation"] == 0 and end["age_seconds"] > 0 and end["peak_memory_bytes"] > 0
    told = kinds(events(server, pid=pid))
    retired, = events(server, event="retire", pid=pid)
    if daemon:
        assert told == ["start", "ready", "reload", "retire", "end"] and retired["reason"] == "reload"
        assert end["reason"] and end["how"] == "exit code 0" and end["served"] >= 1 and end["requests"] == []
    else:  # which of httpd's processes met the changed script is not known
        assert [kind for kind in told if kind != "reload"] == ["start", "ready", "retire", "end"]
        assert retired["reason"] == end["reason"] == "restart" and "how" not in end
    server.get("/pid")
    until(lambda: events(server, event="ready", generation=1), "its successor is told of")


@pytest.mark.axes("mpm")
@pytest.mark.modes("embedded")
def test_httpds_own_processes_say_why_they_end(start_httpd, variant):
    """Without a reason it would look like a crash."""
    server = start_httpd(CONFIG)
    pid = int(server.get("/pid").body)
    server.stop()
    for kind in ("retire", "end"):
        told, = until(lambda: events(server, event=kind, pid=pid), "its " + kind)
        assert told["reason"] == ("limit or shutdown" if variant.mpm == "prefork" else "shutdown")


@pytest.mark.modes("groups")
def test_a_crash_and_the_requests_in_it(start_httpd):
    server = start_httpd(CONFIG + "WSGIDaemonProcess one threads=2\nWSGIProcessGroup one\n")
    server.allow_log("BRINE06")
    hold = server.folder / "hold"
    hold.write_text("")
    pid = int(server.get("/pid").body)
    with ThreadPoolExecutor() as pool:
        forged = "/app/wait%0A%7B%22event%22:%22start%22%7D?60&secret"
        held = pool.submit(server.get, forged, X_File=str(hold))
        alone(server, "GET " + forged.partition("?")[0])
        os.kill(pid, signal.SIGKILL)
        assert held.result().status == 502
    end, = until(lambda: events(server, event="end", pid=pid), "its end")
    assert end["how"] == "killed by SIGKILL" and "reason" not in end
    request, = end["requests"]
    assert request["request"] == "GET " + forged.partition("?")[0] and request["id"]


def shown(server):
    return server.get("/brine-status?format=json").json()


@pytest.mark.modes("groups")
def test_a_tenant_cannot_forge_a_line(start_httpd):
    """Its slot says which request it has; it may write there what it likes."""
    server = start_httpd(CONFIG + """
WSGIDaemonProcess tenant threads=2
WSGIScriptAlias /tenant {apps}/tenant.wsgi process-group=tenant application-group=%{GLOBAL}
""")
    server.allow_log("BRINE06")
    assert server.post("/tenant", FORGES).status == 502
    end, = until(lambda: events(server, event="end", process_group="tenant"), "its end")
    assert any("forged" in request["request"] for request in end["requests"])
    assert "forged" not in [event["event"] for event in events(server)]


FORGES = rb"""
import ctypes, os
for line in open("/proc/self/maps"):
    if "memfd:brine slots" in line and "w" in line.split()[1]:
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        memory = (ctypes.c_char * (last - first)).from_address(first)
        where = bytes(memory).find(b"POST /tenant")
        text = b'x"}\n{"event":"forged","pid":1}\n\xff\x1b[2J'
        memory[where:where + len(text)] = text
os.kill(os.getpid(), 9)
"""


@pytest.mark.modes("groups")
def test_a_program_gets_the_lines(start_httpd):
    server = start_httpd(CONFIG.replace("{dir}/events.log", '"|$/bin/cat >> {dir}/writable/piped.log"')
                         + "WSGIDaemonProcess one\nWSGIProcessGroup one\n")
    pid = int(server.get("/pid").body)
    until(lambda: kinds(events(server, "writable/piped.log", pid=pid)) == ["start", "ready"], "the program has them")


@pytest.mark.modes("groups")
def test_a_program_that_does_not_read_holds_up_nobody(start_httpd):
    server = start_httpd(CONFIG.replace("{dir}/events.log", '"|/bin/sleep 1000"') + "WSGIDaemonProcess one\nWSGIProcessGroup one\n")
    assert server.get("/pid").status == 200


@pytest.mark.modes("groups")
def test_what_cannot_be_opened(workspace, variant):
    passed, said = workspace.configtest(variant, "WSGIEventLog {dir}/none/events.log\n")
    assert passed, "httpd opens no logs for -t"
    passed, said = workspace.configtest(variant, 'WSGIEventLog "|"\n')
    assert not passed and "neither a file nor" in said
