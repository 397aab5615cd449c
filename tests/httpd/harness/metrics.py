"""The server's numbers, as a monitor reads them."""

import re
from collections import defaultdict

from harness.deadline import until

CONFIG = "<Location /brine-status>\nSetHandler brine-status\n</Location>\n"
SAMPLE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
COUNTERS = ("_total", "_bucket", "_sum", "_count")


class Metrics:
    """One scrape: {(name, labels): value}."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.fullmatch(line)
            assert match, f"no sample: {line}"
            key = (match["name"], frozenset(LABEL.findall(match["labels"] or "")))
            assert key not in self.samples, f"twice: {line}"
            self.samples[key] = float(match["value"])

    def sum(self, name, **labels):
        """The sum of all samples that have these labels."""
        wanted = set(labels.items())
        return sum(value for (found, there), value in self.samples.items() if found == name and wanted <= there)

    def values(self, label):
        """All values of a label."""
        return {value for _, labels in self.samples for name, value in labels if name == label}

    def counters(self):
        return {key: value for key, value in self.samples.items() if key[0].endswith(COUNTERS)}


def scrape(server, query="format=openmetrics", **headers):
    answer = server.get(f"/brine-status?{query}" if query else "/brine-status", **headers)
    assert answer.status == 200, (answer.status, answer.text)
    return Metrics(answer.text)


def went_back(scrapes):
    """What counters of one scrape are less in the next, or gone."""
    found = defaultdict(list)
    for before, after in zip(scrapes, scrapes[1:]):
        for key, value in before.counters().items():
            if after.samples.get(key, -1) < value:
                found[key].append((value, after.samples.get(key)))
    return dict(found)


def now(server):
    """The requests that run, as the live page shows them."""
    return [request for group in server.get("/brine-status?format=json").json()["groups"] for request in group["requests"]]


def alone(server, line):
    """The request of this line, once it runs and no other does: one before it is there for a moment after its answer."""

    def found():
        requests = now(server)
        return requests if [request["request"] for request in requests] == [line] and requests[0]["pid"] else None

    return until(found, f"{line} runs, and nothing else does")[0]
