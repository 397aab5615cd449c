"""What `import mod_wsgi` has besides constants: events, the data of requests, metrics."""

import http.client
import os
import signal

import pytest

from harness.client import TIMEOUT
from harness.deadline import until

CONFIG = """
WSGIScriptAlias /app {apps}/server_api.wsgi
WSGIScriptAlias /hello {apps}/hello.wsgi
"""
STARTED = {"request_id", "thread_id", "daemon_connects", "daemon_restarts", "server_pid", "request_start",
           "queue_start", "daemon_start", "application_start", "callable_object", "request_data"}
FINISHED = {"request_id", "thread_id", "server_pid", "request_start", "queue_start", "daemon_start",
            "application_start", "application_finish", "application_time", "input_reads", "input_length", "input_time",
            "output_writes", "output_length", "output_time", "cpu_user_time", "cpu_system_time", "cpu_time",
            "gil_wait_time", "gil_wait_count", "status", "request_data"}
TIMES = ("server_time", "queue_time", "daemon_time", "application_time", "request_time", "input_read_time",
         "output_write_time", "gil_wait_time")


@pytest.fixture
def ask(httpd):
    yield lambda way: httpd.get(f"/app/{way}").json()
    httpd.get("/app/unsubscribe")


def finished(ask, count=1):
    """The events of the requests that have ended, once there are so many: the last one comes after its response."""

    def found():
        events = [event for name, event in ask("events") if name == "request_finished"]
        return events if len(events) >= count else None

    return until(found, "request_finished")


def test_nobody_pays_for_what_nobody_asks_for(start_httpd):
    httpd = start_httpd(CONFIG)
    assert httpd.get("/app/nothing").json() is False


@pytest.mark.axes("python", "interpreter")
def test_the_events_of_a_request(httpd, ask, variant):
    ask("subscribe")
    assert httpd.post("/app/body", b"x" * 1000).json() == 1000
    end = next(event for event in finished(ask, 2) if event["input_length"])
    events = [(name, event) for name, event in ask("events") if event["request_id"] == end["request_id"]]
    assert [name for name, _ in events] == ["request_started", "response_started", "request_finished"]
    start, response = events[0][1], events[1][1]
    assert set(start) == STARTED
    assert set(end) == FINISHED
    assert start["callable_object"] == "application"
    assert start["daemon_connects"] == (1 if variant.mode == "daemon" else 0)
    assert response["response_status"] == "200 OK"
    assert response["response_headers"] == [["Content-Type", "application/json"]]
    assert response["exception_info"] == "None"
    assert (end["status"], end["input_length"], end["input_reads"]) == (200, 1000, 1)
    assert (end["output_length"], end["output_writes"]) == (4, 1)
    assert end["application_time"] == pytest.approx(end["application_finish"] - end["application_start"])
    assert end["request_data"] == {"seen": [name for name, _ in events]}


def test_an_exception_is_an_event(httpd, ask):
    ask("subscribe")
    assert httpd.get("/app/raises").status == 500
    httpd.expect_log(r"BRINE0401: ValueError: boom")
    httpd.allow_log(r"BRINE0401\|")
    end = next(event for event in finished(ask, 2) if event["status"] == 500)
    events = {name: event for name, event in ask("events") if event["request_id"] == end["request_id"]}
    assert list(events) == ["request_started", "request_exception", "request_finished"]
    assert "ValueError('boom')" in events["request_exception"]["exception_info"]


def test_what_close_raises_is_an_event(httpd, ask):
    ask("subscribe")
    assert httpd.get("/app/closes").status == 200
    httpd.expect_log(r"BRINE0403: close\(\) of the response raised ValueError: in close")
    httpd.allow_log(r"BRINE0403\|")
    until(lambda: "request_exception" in [name for name, _ in ask("events")], "the event")


def test_a_subscriber_replaces_the_application(ask):
    assert ask("replaced") is None
    ask("subscribe?replaces")
    assert ask("replaced") == "yes"


@pytest.mark.parametrize("how, error", [("raises", "KeyError"), ("leaves", "SystemExit")])
def test_a_subscriber_that_raises_harms_nobody(httpd, ask, how, error):
    ask(f"subscribe?{how}+keep")
    assert ask("replaced") is None
    finished(ask)
    httpd.expect_log(rf"BRINE0417: a subscriber of mod_wsgi's event request_started, _mod_wsgi_\w+\.{how}, raised {error}")
    httpd.allow_log(r"BRINE0417")


@pytest.mark.parametrize("buffering", ["Off", "65536"])
@pytest.mark.parametrize("kind", ["data", "stream", "file"])
def test_a_subscriber_that_hangs_holds_nothing_up(start_httpd, kind, buffering):
    """The client has its whole response, and can go on with its connection; other requests are served."""
    httpd = start_httpd(f"WSGIResponseBuffering {buffering}\n" + CONFIG)

    def ask(way):
        return httpd.get(f"/app/{way}").json()

    ask("subscribe?hangs")
    client = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=TIMEOUT)
    client.request("GET", f"/app/{kind}?hang")
    response = client.getresponse()
    assert response.status == 200 and len(response.read()) > 5 and not response.will_close
    until(lambda: ask("hanging"), "the subscriber")
    assert httpd.get("/hello").status == 200
    if httpd.variant.mode == "embedded":  # it is the connection's own thread that hangs
        ask("release")
    client.request("GET", "/hello")
    assert client.getresponse().status == 200
    client.close()
    ask("release")


def test_the_data_of_a_request(ask):
    found = ask("data?one")
    assert found["data"] == {"mine": "one"}
    assert found["active"] == {found["id"]: {"mine": "one"}}
    # It is there until its subscribers have been told of its end, a moment after its response.
    until(lambda: ask("data?two")["active"].keys().isdisjoint(found["active"]), "the end of the request")
    assert ask("thread") == ["no request is being served by this thread"]


def test_metrics_are_the_same_for_each_reader(httpd, ask):
    first = ask("metrics")
    if first is None:
        ask("record")
        first = ask("metrics")
    for _ in range(3):
        assert httpd.get("/hello").status == 200
    assert httpd.get("/app/unknown").status == 500
    httpd.expect_log("BRINE0401: KeyError")
    httpd.allow_log(r"BRINE0401\|")
    # A request counts when its response is out, so the last ones may come a moment later.
    one = until(lambda: (found := ask("metrics"))["status_5xx"] > first["status_5xx"] and found, "the requests")
    two = ask("metrics")
    assert two["request_count"] >= one["request_count"] >= first["request_count"] + 4
    assert two["status_2xx"] >= one["status_2xx"] >= first["status_2xx"] + 3
    for name in TIMES:
        assert sum(two[f"{name}_buckets"]) == two["request_count"]
        assert len(two[f"{name}_buckets"]) == 65
        assert two[f"{name}_min_us"] <= two[name] * 1e6 + 1 <= two[f"{name}_max_us"] + 2
    for name in ("completed", "buckets", "busy_time", "cpu_time", "current_elapsed", "max_duration"):
        assert len(two[f"request_threads_{name}"]) == two["request_threads_maximum"]
    assert two["request_threads_active"] >= 1
    assert two["request_throughput"] == pytest.approx(two["request_count"] / two["sample_period"])


def test_what_the_process_has_done(httpd, ask):
    asked = []

    def alone():
        """What is told where no request before is still counted as active, as it is for a moment after its answer."""
        told = ask("process")
        asked.append(told)
        return told if told["active_requests"] == 1 else None

    before = until(alone, "no other is active")
    asked.clear()
    assert httpd.get("/hello").status == 200
    after = until(alone, "no other is active")
    assert after["request_count"] == before["request_count"] + 1 + len(asked)
    assert sum(thread["request_count"] for thread in after["threads"]) == after["request_count"]
    assert after["memory_rss"] > 1 << 20
    assert after["running_time"] > 0


def test_names(ask):
    names, other = ask("names")
    assert {"subscribe_events", "LogHandler", "request_metrics", "version"} <= set(names)
    assert other is False
    assert ask("server") is None


SCORES = {"": {"server_limit", "thread_limit", "running_generation", "restart_time", "current_time", "running_time",
               "processes"},
          "processes": {"process_num", "pid", "generation", "quiescing", "workers"},
          "workers": {"thread_num", "generation", "status", "access_count", "bytes_served", "start_time", "stop_time",
                      "last_used", "client", "request", "vhost"}}


@pytest.mark.axes("mpm", "python")
def test_what_httpds_scoreboard_shows(start_httpd):
    httpd = start_httpd("ExtendedStatus On\nWSGIServerMetrics On\n" + CONFIG)
    metrics = httpd.get("/app/server").json()
    if httpd.variant.mode == "daemon":
        assert metrics is None, "no daemon process sees httpd's memory"
        return
    assert set(metrics) == SCORES[""] and len(metrics["processes"]) == metrics["server_limit"]
    process, = (each for each in metrics["processes"] if any(
        worker["request"].startswith("GET /app/server ") for worker in each["workers"]))
    assert set(process) == SCORES["processes"] and process["quiescing"] is False
    assert process["pid"] in httpd.children() and process["generation"] == metrics["running_generation"] == 0
    worker = next(each for each in process["workers"] if each["request"].startswith("GET /app/server "))
    assert set(worker) == SCORES["workers"] and len(process["workers"]) == metrics["thread_limit"]
    assert (worker["status"], worker["client"]) == ("W", "127.0.0.1")
    assert metrics["restart_time"] <= worker["start_time"] <= metrics["current_time"]
    assert metrics["running_time"] == metrics["current_time"] - metrics["restart_time"]
    assert metrics["processes"].index(process) == process["process_num"]


@pytest.mark.modes("daemon")
@pytest.mark.axes("interpreter")
def test_the_end_of_a_process_and_its_signals(start_httpd, workspace):
    httpd = start_httpd(CONFIG)
    notes = workspace.new_folder() / "writable"
    pid = httpd.get(f"/app/note?{notes}").json()
    for number in (signal.SIGHUP, signal.SIGUSR2):
        os.kill(pid, number)
        text = until(lambda: (notes / "process_signal").exists() and (notes / "process_signal").read_text(),
                     "the event")
        assert f'"signame": "{number.name}", "signum": {number.value}' in text
        (notes / "process_signal").unlink()
    assert httpd.get("/hello").status == 200
    httpd.stop()
    until(lambda: (notes / "process_stopping").exists(), "the event")
    assert (notes / "process_stopping").read_text() == '{"shutdown_reason": "shutdown_signal"}\n'


@pytest.mark.modes("embedded")
def test_the_end_of_httpds_own_process(start_httpd, workspace):
    httpd = start_httpd(CONFIG)
    notes = workspace.new_folder() / "writable"
    httpd.get(f"/app/note?{notes}")
    httpd.stop()
    assert (notes / "process_stopping").read_text() == '{"shutdown_reason": ""}\n'
