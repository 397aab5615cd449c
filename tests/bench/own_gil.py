"""A page that computes, by a group that has one GIL and by groups that have two: two processes, or two interpreters."""

from __future__ import annotations

import math
import pathlib
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import load
import procfs
from load import Load
from servers import Kind, Server, ServerError, Work

KEY = "own-gil"
PATH = "/compute"
#: The Pythons that can, the one that is measured first.
PYTHONS = ("3.13", "3.12")
HEADINGS = ("a page that computes", "requests/s", "x 1 process", "p99 us", "PSS MiB", "failed")


@dataclass(frozen=True)
class Way:
    """One of the compared daemon groups."""

    key: str
    title: str
    options: str


WAYS = (Way("one", "1 process", "processes=1 threads=8"),
        Way("processes", "2 processes", "processes=2 threads=4"),
        Way("interpreters", "1 process, 2 interpreters", "processes=1 threads=8 interpreters=2"))


@dataclass
class OwnGilResult:
    """Raw numbers: a dict by the way's key for each round; PSS of all processes of that httpd after the last."""

    python: str
    rounds: list[dict[str, dict]] = field(default_factory=list)
    pss: dict[str, int] = field(default_factory=dict)

    def figure(self, key: str, name: str) -> float:
        """The median over the rounds."""
        return statistics.median(rnd[key][name] for rnd in self.rounds)

    def share(self, key: str) -> float:
        """The median of the rounds' ratios of the rate to that of one process."""
        ratios = [rnd[key]["rate"] / rnd["one"]["rate"] for rnd in self.rounds if rnd["one"]["rate"]]
        return statistics.median(ratios) if ratios else math.nan

    def cells(self) -> list[tuple[str, ...]]:
        """The lines of the table."""
        return [(f"{way.title}, Python {self.python}", f"{self.figure(way.key, 'rate'):,.0f}", f"{self.share(way.key):.2f}",
                 f"{self.figure(way.key, 'p99'):,.0f}", f"{self.pss[way.key] / 1024:.1f}",
                 str(sum(rnd[way.key]["failed"] for rnd in self.rounds))) for way in WAYS]

    def as_json(self) -> dict:
        """The raw numbers."""
        return {"key": KEY, "python": self.python, "rounds": self.rounds, "pss": self.pss}


def python_with_own_gils(build: pathlib.Path) -> str | None:
    """A Python that can, for which the build has an engine."""
    return next((python for python in PYTHONS
                 if (build / f"brine_engine.cpython-{python.replace('.', '')}.so").exists()), None)


def measure(brine: Kind, python: str, work: Work, rounds: int, seconds: float) -> OwnGilResult:
    """Interleaved rounds of `brine`, in daemon mode, with each of WAYS. Throws ServerError where one answers wrongly."""
    result = OwnGilResult(python)
    with ExitStack() as stack:
        servers = {way.key: stack.enter_context(Server(replace(brine, name=f"{KEY}-{way.key}"), work, group="bench",
                                                       daemon=f"{way.options} python={python}")) for way in WAYS}
        for server in servers.values():
            status, _, body = server.get(PATH)
            if status != 200 or body != b"Hello World!":
                raise ServerError(f"{server.kind.name} answers {PATH} with status {status}; its log ends:\n{server.reason()}")
            load.run(server.url(PATH), Load(), 1)
        for _ in range(rounds):
            result.rounds.append({key: load.run(server.url(PATH), Load(), seconds).as_dict()
                                  for key, server in servers.items()})
        result.pss = {key: procfs.memory_kib(server.pid)["pss"] for key, server in servers.items()}
    return result
