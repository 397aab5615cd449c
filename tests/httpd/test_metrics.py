"""Numbers for a monitor (SetHandler brine-status): what is counted, under which names, and that it never goes back."""

import json
import os
import signal
import subprocess
from contextlib import closing

import jsonschema
import pytest

from harness import processes
from harness.build import REPOSITORY
from harness.deadline import until
from harness.load import Load
from harness.metrics import CONFIG as STATUS, now, scrape, went_back

CONFIG = STATUS + """
WSGIScriptAlias /hello {apps}/hello.wsgi
WSGIScriptAlias /echo {apps}/echo.wsgi
WSGIScriptAlias /status {apps}/status.wsgi
WSGIScriptAlias /limits {apps}/daemon_limits.wsgi
WSGIScriptAlias /raises {apps}/errors.wsgi
<Directory {dir}/scripts>
  Options ExecCGI
  AddHandler wsgi-script .wsgi
</Directory>
Alias /scripts {dir}/scripts
<Location /whose>
  SetEnvIf X-Group (.+) THEIRS=$1
  WSGIProcessGroup %{ENV:THEIRS}
</Location>
WSGIScriptAlias /whose {apps}/hello.wsgi
"""
GROUPS = STATUS + """
WSGIDaemonProcess site processes=2 threads=2
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%{GLOBAL}
"""
PHASES = ("waiting", "application", "delivery")
SCHEMA = json.loads((REPOSITORY / "docs" / "status.schema.json").read_text())


@pytest.fixture
def counted(httpd):
    """counted(name, **labels): by how much the sum of a metric has grown since the test began."""
    before = at_rest(httpd)
    return lambda name, **labels: scrape(httpd).sum(name, **labels) - before.sum(name, **labels)


def at_rest(server):
    """What is counted once all that was asked before is: no request runs, and no count changes any more."""
    found = [scrape(server)]

    def same():
        running = now(server)
        found.append(scrape(server))
        before, after = ({key: value for key, value in each.samples.items() if key[0] == "brine_requests_total"} for each in found[-2:])
        return not running and before == after

    until(same, "no request runs")
    return found[-1]


def reaches(counted, number, name, **labels):
    """A request is counted after its client has had the last byte."""
    until(lambda: counted(name, **labels) == number, f"{name} is {number}")


def group_of(variant):
    return "group" if variant.mode == "daemon" else "%{GLOBAL}"


def app(server, name):
    return str(server.folder.parent / "apps" / name)


def test_requests_by_group_script_method_and_status(httpd, variant, counted):
    for _ in range(3):
        httpd.get("/hello")
    httpd.request("HEAD", "/hello")
    httpd.request("POST", "/hello", b"x")
    httpd.get("/status?" + json.dumps({"status": "404 Not Found"}).replace(" ", "%20"))
    labels = {"process_group": group_of(variant), "script": app(httpd, "hello.wsgi")}
    reaches(counted, 3, "brine_requests_total", method="GET", status="2xx", **labels)
    reaches(counted, 1, "brine_requests_total", method="HEAD", **labels)
    reaches(counted, 1, "brine_requests_total", method="POST", **labels)
    reaches(counted, 1, "brine_requests_total", status="4xx", script=app(httpd, "status.wsgi"))
    reaches(counted, 6, "brine_requests_total")


@pytest.mark.parametrize("method", ["BREW", "get", "OTHER"])
def test_methods_that_a_client_makes_up_are_one(httpd, counted, method):
    httpd.request(method, "/hello")
    reaches(counted, 1, "brine_requests_total", method="other")
    assert scrape(httpd).values("method") <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}


def test_no_label_is_a_clients_word(httpd, counted):
    httpd.allow_log("BRINE01|AH01")
    for path in ("/scripts/made-up.wsgi", "/scripts/sub/made-up.wsgi", "/hello/made-up", "/made-up.wsgi"):
        httpd.get(path)
    assert httpd.get("/whose", X_Group="made-up").status == 500
    found = scrape(httpd)
    assert "made-up" not in found.text
    reaches(counted, 1, "brine_requests_total", process_group="(other)", status="5xx")
    reaches(counted, 2, "brine_requests_total", script=app(httpd, "hello.wsgi"))


def test_an_application_that_raises_counts_as_an_error(httpd, counted):
    assert httpd.get("/raises?plain").status == 500
    httpd.expect_log("Traceback|BRINE04")
    reaches(counted, 1, "brine_requests_total", status="5xx", script=app(httpd, "errors.wsgi"))
    reaches(counted, 1, "brine_request_application_seconds_count", script=app(httpd, "errors.wsgi"))


def test_times_of_a_request(httpd, counted):
    httpd.get("/limits/pid")
    httpd.get("/limits/sleep?2.6")
    script = app(httpd, "daemon_limits.wsgi")
    for phase in PHASES:
        reaches(counted, 2, f"brine_request_{phase}_seconds_count", script=script)
    assert 2.6 <= counted("brine_request_application_seconds_sum", script=script) < 60
    reaches(counted, 1, "brine_request_application_seconds_bucket", script=script, le="2.5")
    reaches(counted, 2, "brine_request_application_seconds_bucket", script=script, le="60.0")
    assert 0 < counted("brine_request_delivery_seconds_sum", script=script) < 2.6, "the application's time is not in it"


def test_the_time_before_a_script_is_loaded_is_waiting(httpd, counted):
    path = httpd.write("scripts/slow.wsgi", "import time\ntime.sleep(1.1)\n" + HELLO)
    assert httpd.get("/scripts/slow.wsgi").status == 200
    labels = {"script": str(path)}
    reaches(counted, 1, "brine_request_application_seconds_bucket", le="1.0", **labels)
    assert counted("brine_request_waiting_seconds_sum", **labels) >= 1.1


HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""


@pytest.mark.parametrize("size", [0, 100, 70_000, 300_000])
def test_bytes_of_bodies(httpd, counted, size):
    assert len(httpd.post("/echo", b"x" * size).body) == size
    script = app(httpd, "echo.wsgi")
    reaches(counted, size, "brine_request_body_bytes_total", script=script)
    reaches(counted, size, "brine_response_body_bytes_total", script=script)


def test_formats(httpd):
    for query, type_ in (("format=openmetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
                         ("format=prometheus", "text/plain; version=0.0.4; charset=utf-8"),
                         ("format=json", "application/json")):
        answer = httpd.get(f"/brine-status?{query}")
        assert (answer.status, answer.header("Content-Type")) == (200, type_)
        assert answer.header("Cache-Control") == "no-store"
    accepted = httpd.get("/brine-status", Accept="application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5")
    assert accepted.text.endswith("# EOF\n")
    assert httpd.get("/brine-status?format=xml").status == 400
    assert httpd.request("POST", "/brine-status", b"").status == 405
    head = httpd.request("HEAD", "/brine-status?format=json")
    assert head.status == 200 and head.body == b""


def test_what_promtool_says_of_it(httpd):
    httpd.get("/hello")
    text = httpd.get("/brine-status?format=prometheus").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_json_follows_its_schema(httpd, variant):
    httpd.get("/hello")
    shown = httpd.get("/brine-status?format=json").json()
    jsonschema.validate(shown, SCHEMA)
    group = next(group for group in shown["groups"] if group["name"] == group_of(variant))
    assert app(httpd, "hello.wsgi") in [script["script"] for script in group["scripts"]]
    assert all(process["resident_memory_bytes"] > 1 << 20 for process in group["running"])
    assert len(group["running"]) == (1 if variant.mode == "daemon" else len(
        [pid for pid in processes.children(httpd.pid) if pid != httpd.supervisor()]))


@pytest.mark.axes("mpm")
def test_counters_go_on_over_a_graceful_restart(httpd, counted):
    httpd.get("/hello")
    before = scrape(httpd)
    httpd.reload()
    httpd.get("/hello")
    reaches(counted, 2, "brine_requests_total")
    after = scrape(httpd)
    assert not went_back([before, after])
    assert after.sum("brine_generation") == before.sum("brine_generation") + 1
    assert after.sum("brine_start_time_seconds") == before.sum("brine_start_time_seconds")


@pytest.mark.modes("groups")
class TestGroups:
    """What daemon process groups count of themselves."""

    def test_a_process_of_the_last_configuration_is_seen_while_it_drains(self, start_httpd):
        server = start_httpd(GROUPS)
        flag = server.folder / "writable" / "flag"
        with closing(server.connect()) as slow:
            slow.request("GET", f"/app?hold={flag}")
            held = flag.with_name("flag.held")
            holder = until(lambda: held.exists() and held.read_text(), "a request is held")
            server.reload()
            until(lambda: scrape(server).sum("brine_processes", process_group="site", state="ready") == 2, "new processes are ready")

            def drains():
                found = scrape(server)
                return (found.sum("brine_process_age_seconds", pid=holder, generation="0") > 0
                        and found.sum("brine_processes", process_group="site", state="draining") >= 1)

            until(drains, "the process drains")
            flag.touch()
            assert slow.getresponse().status == 200
        until(lambda: scrape(server).values("generation") == {"1"}, "the processes of the last configuration have gone")

    def test_deaths_and_what_they_have_used_stay(self, start_httpd):
        server = start_httpd(GROUPS)
        server.allow_log("BRINE06")
        scrapes = [scrape(server)]
        for _ in range(3):
            victim = int(server.get("/app").body)
            os.kill(victim, signal.SIGKILL)
            until(lambda: str(victim) not in scrape(server).values("pid"), "the process has gone")
            until(lambda: scrape(server).sum("brine_processes", process_group="site", state="ready") == 2, "its successor is ready")
            scrapes.append(scrape(server))
        assert scrapes[-1].sum("brine_process_crashes_total", process_group="site") == 3
        assert not went_back(scrapes)
        cpu = [found.sum("brine_process_cpu_seconds_total") for found in scrapes]
        assert cpu == sorted(cpu) and cpu[-1] > cpu[0]

    def test_no_counter_goes_back_under_load_while_processes_come_and_go(self, start_httpd):
        server = start_httpd(GROUPS)
        scrapes = [scrape(server)]
        with Load(server, "/app", clients=3) as load:
            for turn in range(4):
                load.go_on()
                scrapes.append(scrape(server))
                if turn % 2 == 0:
                    server.reload()
                else:
                    os.kill(until(server.supervisor, "the supervisor has processes"), signal.SIGUSR1)
                scrapes.append(scrape(server))
            load.go_on()
        scrapes.append(at_rest(server))
        assert not load.failures and set(load.statuses) == {200}
        assert not went_back(scrapes)
        assert scrapes[-1].sum("brine_requests_total", status="2xx") == len(load.answers)
        assert scrapes[-1].sum("brine_daemon_requests_total") >= len(load.answers)
        assert scrapes[-1].sum("brine_process_restarts_total", reason="eviction") > 0

    def test_what_a_process_says_of_itself_is_checked(self, start_httpd):
        """It may write anything into its slot's memory; nobody else's numbers change."""
        server = start_httpd(GROUPS + """
WSGIDaemonProcess tenant threads=2 deadlock-timeout=0
WSGIScriptAlias /tenant {apps}/tenant.wsgi process-group=tenant application-group=%{GLOBAL}
""")
        server.get("/app")
        server.allow_log("BRINE06")
        answer = server.post("/tenant", SCRIBBLE)
        assert answer.status == 200 and answer.json() == 1, answer.text
        found = at_rest(server)
        assert found.sum("brine_group_threads_busy", process_group="tenant") <= 2
        assert found.sum("brine_requests_total", process_group="site") == 1
        jsonschema.validate(server.get("/brine-status?format=json").json(), SCHEMA)
        text = server.get("/brine-status?format=prometheus").body
        assert subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True).returncode == 0


SCRIBBLE = b"""
import ctypes
areas = [line.split() for line in open("/proc/self/maps") if "memfd:brine slots" in line]
result = 0
for area in areas:
    first, last = (int(part, 16) for part in area[0].split("-"))
    if "w" in area[1]:
        ctypes.memset(first + 64, 0xff, last - first - 64)
        result += 1
"""
