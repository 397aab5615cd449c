"""A real Prometheus scrapes a server under load while groups restart and processes are killed: no counter goes back."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

import pytest

from harness.deadline import until
from harness.load import Load
from harness.metrics import CONFIG as STATUS, COUNTERS, scrape
from ports import free_port

pytestmark = pytest.mark.modes("groups")

CONFIG = STATUS + """
WSGIDaemonProcess site processes=2 threads=2
WSGIDaemonProcess victim processes=1 threads=2
WSGIScriptAlias /app {apps}/pid.wsgi process-group=site application-group=%{GLOBAL}
WSGIScriptAlias /victim {apps}/pid.wsgi process-group=victim application-group=%{GLOBAL}
"""


class Prometheus:
    """A running Prometheus, asked by its API."""

    def __init__(self, port):
        self.port = port

    def query(self, expression):
        """The result, or nothing while it is starting."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]["result"]
        except (urllib.error.URLError, ConnectionError):
            return []

    def scrapes(self):
        """How many were answered."""
        return sum(int(series["value"][1]) for series in self.query("sum_over_time(up[1h])"))

    def scrapes_again(self, times=2):
        """Waits for so many scrapes more."""
        before = self.scrapes()
        until(lambda: self.scrapes() >= before + times, "it has scraped", 20)


@contextmanager
def prometheus(server, folder):
    port = free_port()
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s"},
        "scrape_configs": [{"job_name": "brine", "metrics_path": "/brine-status",
                            "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}]}))
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdout=output, stderr=output)
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(60)


def falls(result):
    """The series of a range whose values are less than before, with these values."""
    found = {}
    for series in result:
        values = [float(value) for _, value in series["values"]]
        if values != sorted(values):
            found[json.dumps(series["metric"], sort_keys=True)] = values
    return found


def test_no_counter_goes_back(start_httpd, tmp_path):
    server = start_httpd(CONFIG)
    server.allow_log("BRINE06")
    with prometheus(server, tmp_path) as scraper, Load(server, "/app", clients=2) as load:
        until(lambda: scraper.scrapes() >= 2, "Prometheus has scraped", 60)
        for turn in range(3):
            load.go_on(2)
            victim = int(server.get("/victim").body)
            os.kill(victim, signal.SIGKILL)
            os.kill(until(server.supervisor, "the supervisor has processes"), signal.SIGUSR1)
            scraper.scrapes_again()
            server.reload()
            until(lambda: len(scrape(server).values("generation")) == 1, "the processes of the last configuration have gone", 30)
            scraper.scrapes_again()
        names = "|".join(f".*{ending}" for ending in COUNTERS)
        result = scraper.query(f'{{__name__=~"brine_.*",__name__=~"{names}"}}[1h]')
    load.nothing_lost()
    counted = {series["metric"]["__name__"] for series in result}
    assert {"brine_requests_total", "brine_process_crashes_total", "brine_process_cpu_seconds_total",
            "brine_gil_wait_seconds_count"} <= counted
    assert falls(result) == {}
    crashes = max(float(series["values"][-1][1]) for series in result
                  if series["metric"]["__name__"] == "brine_process_crashes_total"
                  and series["metric"]["process_group"] == "victim")
    assert crashes >= 3


def test_a_fall_is_noticed():
    assert falls([{"metric": {"__name__": "a"}, "values": [[1, "5"], [2, "4"]]}])
    assert not falls([{"metric": {"__name__": "a"}, "values": [[1, "4"], [2, "10"]]}])
