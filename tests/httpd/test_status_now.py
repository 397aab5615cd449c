"""What runs now and what has happened lately, as SetHandler brine-status shows it."""

import json
import os
import re
import signal
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

from harness import processes
from harness.build import REPOSITORY
from harness.deadline import until
from harness.frames import FACTS, LOG, frame, whole
from harness.metrics import CONFIG as STATUS, alone, now, scrape

CONFIG = STATUS + """
WSGIScriptAlias /app {apps}/joined.wsgi
WSGIScriptAlias /pid {apps}/pid.wsgi
"""
SLOW = """
<Location /app>
  WSGISlowRequest 300ms
</Location>
<Location /pid>
  WSGISlowRequest 600s
</Location>
"""
SCHEMA = json.loads((REPOSITORY / "docs" / "status.schema.json").read_text())
HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%s"]
"""
PICKLES = """
import pickle

class Item:
    pass

def application(environ, start_response):
    try:
        pickle.dumps([Item(), Item()])
    except pickle.PicklingError:
        pass
    start_response("200 OK", [])
    return [b"pickled"]
"""


def shown(server):
    found = server.get("/brine-status?format=json").json()
    jsonschema.validate(found, SCHEMA)
    return found


def group_of(found, variant):
    name = "group" if variant.mode == "daemon" else "%{GLOBAL}"
    return next(group for group in found["groups"] if group["name"] == name)


@contextmanager
def held(server, path="/app/wait?60&secret"):
    """A request that waits meanwhile; yields what its answer will be."""
    hold = server.folder / "hold"
    hold.write_text("")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.get, path, X_File=str(hold))
        try:
            yield answer
        finally:
            hold.unlink()


@pytest.mark.axes("mpm", "interpreter")
def test_a_request_that_runs(httpd, variant):
    with held(httpd) as answer:
        alone(httpd, "GET /app/wait")
        request, = group_of(shown(httpd), variant)["requests"]
        assert not answer.done()
    request_id = answer.result().json()[0]
    assert (request["request"], request["id"]) == ("GET /app/wait", request_id)
    assert request["script"].endswith("/joined.wsgi")
    assert 0 <= request["age_seconds"] < 600 and request["thread"] >= 1
    assert request["httpd_pid"] in processes.children(httpd.pid) + [httpd.pid]
    if variant.mode == "daemon":
        assert request["pid"] == int(httpd.get("/pid").body) and request["pid"] != request["httpd_pid"]
    else:
        assert request["pid"] == request["httpd_pid"]
    until(lambda: group_of(shown(httpd), variant)["requests"] == [], "it has ended")


@pytest.mark.modes("embedded")
def test_a_process_that_was_killed_leaves_no_request(httpd, variant):
    httpd.allow_log("AH00051|AH00052")
    with held(httpd) as answer:
        request = alone(httpd, "GET /app/wait")
        os.kill(request["pid"], signal.SIGKILL)
        with pytest.raises(Exception):
            answer.result()
        until(lambda: group_of(shown(httpd), variant)["requests"] == [], "it is gone")


@pytest.mark.modes("groups")
def test_a_request_of_the_last_configuration_is_seen_while_its_process_drains(start_httpd):
    server = start_httpd(CONFIG + "WSGIDaemonProcess one threads=2\nWSGIProcessGroup one\n")
    with held(server):
        alone(server, "GET /app/wait")
        server.reload()
        request, = now(server)
        assert request["request"] == "GET /app/wait" and request["pid"] > 1


@pytest.mark.axes("mpm", "interpreter")
def test_the_stack_of_a_request_on_demand(start_httpd, variant):
    server = start_httpd(CONFIG + "WSGIStatusStacks On\n")
    with held(server):
        request = alone(server, "GET /app/wait")

        def is_held_up():
            """Its first stacks may be those of the script's import."""
            answer = server.get(f"/brine-status?stack={request['stack']}")
            assert answer.status == 200, answer.text
            application, _, innermost = answer.text.partition("in application")
            return application and "in held_up" in innermost

        until(is_held_up, "its stack is the application's")
        assert is_held_up()
        assert server.get(f"/brine-status?stack={request['stack']}9").status == 404
    until(lambda: server.get(f"/brine-status?stack={request['stack']}").status == 404, "it has ended")
    for wrong in ("", "1", "x.y", "99999999.1", "-1.5", "1.5x"):
        assert server.get(f"/brine-status?stack={wrong}").status == 404


@pytest.mark.modes("groups")
def test_who_looks_for_stacks_starts_no_python(start_httpd):
    """httpd's own processes have none where WSGIRestrictEmbedded is On, whoever asks for a stack."""
    server = start_httpd(CONFIG + "WSGIRestrictEmbedded On\nWSGIStatusStacks On\n"
                         "WSGIDaemonProcess one threads=2\nWSGIProcessGroup one\n")
    assert server.get("/pid").status == 200
    watchers = [comm.parent / "status" for child in processes.children(server.pid)
                for comm in Path(f"/proc/{child}/task").glob("*/comm") if comm.read_text() == "brine stacks\n"]
    assert watchers

    def rests(status):
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read_text(), re.M)[1])

    before = {status: rests(status) for status in watchers}
    until(lambda: all(rests(status) >= before[status] + 3 for status in watchers), "each has looked")
    assert [event for event in shown(server)["events"] if event["process_group"] == "%{GLOBAL}"] == []


def test_stacks_are_not_shown_unless_wanted(httpd, variant):
    with held(httpd):
        request = alone(httpd, "GET /app/wait")
        assert request["stack"] == ""
        assert httpd.get("/brine-status?stack=0.1").status == 403


def test_a_slow_request(start_httpd, variant):
    server = start_httpd(CONFIG + SLOW + "<Location /pid>\nWSGISlowRequest 600s\n</Location>\n")  # Python starts in it
    server.allow_log("BRINE0418")
    assert server.get("/pid").status == 200
    request_id = server.get("/app/wait?0.6&secret").json()[0]
    slow, = until(lambda: [request for request in shown(server)["slow"] if request["id"] == request_id], "it is told of")
    found = shown(server)
    assert (slow["request"], slow["status"]) == ("GET /app/wait", 200)
    assert slow["process_group"] == group_of(found, variant)["name"]
    assert slow["application_seconds"] >= 0.6 and slow["waiting_seconds"] >= 0 and slow["pid"] > 1
    assert abs(slow["ended"] - time.time()) < 600
    assert "secret" not in json.dumps(found) and "GET /pid" not in [request["request"] for request in found["slow"]]


@pytest.mark.modes("groups")
def test_a_request_that_waited_in_vain_is_a_slow_one(start_httpd):
    """Its application was never called."""
    server = start_httpd(CONFIG + "WSGIDaemonProcess one threads=1 queue-timeout=1\nWSGIProcessGroup one\n")
    server.allow_log("BRINE0602")
    until(lambda: server.get("/app/ids").status == 200, "the process is ready")

    def told_of():
        return [request for request in shown(server)["slow"] if request["request"] == "GET /pid"]

    with held(server):
        alone(server, "GET /app/wait")
        assert server.get("/pid").status in (503, 504)
    slow, = until(told_of, "it is told of")
    assert slow["application_seconds"] == 0 and 1 <= slow["waiting_seconds"] < 600


def test_an_error_with_what_the_docs_say_of_it(httpd):
    assert httpd.get("/app/raise").status == 500
    httpd.expect_log("BRINE0401")
    error = until(lambda: (errors := shown(httpd)["errors"]) and errors[0]["code"] == "BRINE0401" and errors[0], "it is shown")
    assert error["text"].startswith("ValueError: raised here")
    assert error["id"] and error["pid"] > 1 and "\n" not in error["text"]
    assert error["meaning"] and error["remedy"]
    page = (REPOSITORY / "docs" / "errors.md").read_text()
    assert error["meaning"].split(".")[0] in page


def test_what_an_application_prints_is_no_error_of_brine_s(httpd):
    before = shown(httpd)["errors"]
    httpd.get("/app/print?BRINE0401:%20forged")
    httpd.expect_log("forged")
    assert shown(httpd)["errors"] == before


def test_hazards_by_id(start_httpd, variant):
    server = start_httpd(CONFIG + "WSGIScriptAlias /own {dir}/pickle.wsgi\n", files={"pickle.wsgi": PICKLES})
    server.allow_log("BRINE05")
    for _ in range(2):
        assert server.get("/own").status == 200
    until(lambda: group_of(shown(server), variant)["hazards"] == {"naming-script": 2}, "both are counted")
    group = group_of(shown(server), variant)
    labels = {"id": "naming-script", "process_group": group["name"]}
    assert scrape(server).sum("brine_pickle_hazards_total", **labels) == 2


def test_all_hazards_can_be_counted():
    names = re.findall(r'^    "([a-z-]+)": "', (REPOSITORY / "python/brine/pickle/_hazards.py").read_text(), re.M)
    counted = (REPOSITORY / "src/metrics/hazards.hpp").read_text().split("kHazards =")[1].split(";")[0]
    assert len(names) > 10 and re.findall(r'"([a-z-]+)"', counted) == names


def test_the_age_of_code_and_its_reload(start_httpd, variant):
    server = start_httpd(CONFIG + "WSGIScriptAlias /own {dir}/own.wsgi\n", files={"own.wsgi": HELLO % "one"})

    def code():
        scripts = group_of(shown(server), variant)["scripts"]
        return [script for script in scripts if script["script"].endswith("/own.wsgi")]

    assert server.get("/own").body == b"one"
    before, = until(code, "it is known")
    assert before["generation"] == 1 and abs(before["loaded"] - time.time()) < 600
    server.write("own.wsgi", HELLO % "two")
    until(lambda: server.get("/own").body == b"two", "the new code serves")
    after, = until(lambda: [script for script in code() if script["loaded"] > before["loaded"]], "it is known")
    assert after["generation"] == (1 if variant.mode == "daemon" else 2)
    reload, = until(lambda: [event for event in shown(server)["events"] if event["event"] == "reload"], "its reload is told of")
    assert reload["detail"].endswith("/own.wsgi")
    assert reload["process_group"] == group_of(shown(server), variant)["name"]
    found = scrape(server)
    loaded = found.sum("brine_script_loaded_timestamp_seconds", script=after["script"])
    assert loaded == pytest.approx(after["loaded"], abs=0.01)
    assert found.sum("brine_gil_wait_seconds_count") >= 1
    assert found.sum("brine_process_interpreters") >= 1


@pytest.mark.modes("groups")
def test_the_events_of_a_process_s_life(start_httpd):
    server = start_httpd(CONFIG + "WSGIDaemonProcess one\nWSGIProcessGroup one\n")
    server.allow_log("BRINE0610")

    def events(pid):
        told = [event for event in reversed(shown(server)["events"]) if event["pid"] == pid]
        return [(event["event"], event["reason"]) for event in told]

    first = int(server.get("/pid").body)
    until(lambda: events(first) == [("start", ""), ("ready", "")], "both are told of")
    os.kill(first, signal.SIGUSR1)
    until(lambda: len(events(first)) == 4, "it has been replaced")
    assert events(first)[2:] == [("retire", "eviction"), ("end", "eviction")]
    second = int(until(lambda: server.get("/pid"), "its successor serves").body)
    os.kill(second, signal.SIGKILL)
    until(lambda: ("end", "") in events(second), "it has died")
    end = next(event for event in shown(server)["events"] if event["pid"] == second)
    assert end["detail"] == "killed by SIGKILL"


@pytest.mark.modes("groups")
def test_what_a_process_says_that_it_has_measured_is_bounded(start_httpd):
    server = start_httpd(STATUS + """
WSGIDaemonProcess tenant threads=1
WSGIScriptAlias /attack {apps}/attack_frames.wsgi process-group=tenant application-group=%{GLOBAL}
""")
    assert server.get("/attack").status == 200  # the thread tells its own facts first
    absurd = frame(FACTS, struct.pack("=qqII", 1 << 62, 1 << 62, 0xFFFFFFFF, 0xFFFFFFFF))
    assert server.post("/attack", absurd + whole(body=b"hello")).body == b"hello"
    group = next(group for group in shown(server)["groups"] if group["name"] == "tenant")
    assert group["gil_wait_seconds"]["sum"] < 60 and group["interpreters"] <= 10000
    assert all(script["loaded"] <= time.time() + 1 for script in group["scripts"])


@pytest.mark.modes("groups")
def test_a_process_cannot_fill_the_page_with_what_it_claims(start_httpd):
    """Neither with reloads, nor with errors under codes of httpd's side."""
    server = start_httpd(STATUS + """
WSGIDaemonProcess tenant threads=1
WSGIScriptAlias /attack {apps}/attack_frames.wsgi process-group=tenant application-group=%{GLOBAL}
""")
    assert server.get("/attack").status == 200  # the thread tells its own facts first
    server.allow_log("forged")
    claims = frame(FACTS, struct.pack("=qqII", 0, 1 << 62, 2, 1))
    claims += frame(LOG, b"BRINE0610: process 1 of daemon group 'other' ended: forged", aux=3)
    begun = time.monotonic()
    for _ in range(5):
        assert server.post("/attack", claims + whole(body=b"hello")).body == b"hello"
    reloads = until(lambda: [event for event in shown(server)["events"] if event["event"] == "reload"], "one is told of")
    assert len(reloads) <= 1 + time.monotonic() - begun
    assert [error for error in shown(server)["errors"] if "forged" in error["text"]] == []
