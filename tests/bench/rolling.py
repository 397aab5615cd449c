"""Rolling deployments of Django's admin site: the p99 of their time, over that of as long a time without."""

from __future__ import annotations

import math
import pathlib
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import load
import preload
import rows
from preload import PROCESSES, Way
from rows import Goal
from servers import Kind, Server, Work

KEY = "rolling"
TITLE = "deployments of Django's admin site"
HEADINGS = (TITLE, "quiet p99 ms", "p99 ms", "p99 x quiet", "slowest ms", "failed", "goal", "")
GOAL = Goal("p99/quiet", most=1.3, mode=rows.DAEMON)
WARM = f" preload=On warm-up={preload.PAGE}"
#: The first is the one that has a goal.
WAYS = (Way("rolling-preload", "Brine, preload=On warm-up=, Rolling", "brine", WARM, "Rolling"),
        Way("rolling-without", "Brine, Rolling", "brine", reloading="Rolling"),
        Way("rolling-mod_wsgi", "mod_wsgi", "mod_wsgi"))


@dataclass
class RollingResult:
    """Raw numbers: for each round a dict by the way's key, of preload.deployment()'s figures."""

    rounds: list[dict[str, dict[str, float | None]]] = field(default_factory=list)

    def figure(self, key: str, name: str) -> float:
        """The median over the rounds; NaN where one of them has no figure."""
        values = [rnd[key][name] for rnd in self.rounds]
        return math.nan if None in values else statistics.median(values)

    def share(self, key: str) -> float:
        """The median of the rounds' ratios; NaN where a pause outlasted the load, so that one of them has none."""
        pairs = [(rnd[key]["p99"], rnd[key]["quiet_p99"]) for rnd in self.rounds]
        return statistics.median(p99 / quiet for p99, quiet in pairs) if all(map(all, pairs)) else math.nan

    def failed(self, key: str) -> float:
        """Failed requests of all rounds."""
        return sum(rnd[key]["failed"] or 0 for rnd in self.rounds)

    def verdict(self) -> str:
        """Of the goal. No figure is no success: the load was over before the pause was."""
        key = WAYS[0].key
        if not self.rounds or key not in self.rounds[0]:
            return "-"
        if self.failed(key):
            return "INVALID: failed requests"
        return "met" if GOAL.met(self.share(key)) else "MISSED"

    def cells(self) -> list[tuple[str, ...]]:
        """The lines of the table."""
        def number(value: float, pattern: str) -> str:
            return "-" if math.isnan(value) else pattern.format(value)

        return [(way.title, *(number(self.figure(way.key, name) / 1000, "{:.1f}") for name in ("quiet_p99", "p99")),
                 number(self.share(way.key), "{:.2f}"), number(self.figure(way.key, "pause") / 1000, "{:,.0f}"),
                 f"{self.failed(way.key):.0f}", *((str(GOAL), self.verdict()) if way is WAYS[0] else ("", "")))
                for way in WAYS if self.rounds and way.key in self.rounds[0]]

    def as_json(self) -> dict:
        """The raw numbers."""
        return {"key": KEY, "rounds": self.rounds,
                "goals": [{"mode": GOAL.mode, "figure": GOAL.figure, "goal": str(GOAL), "aim": GOAL.aim,
                           "verdict": self.verdict()}]}


def measure(kinds: list[Kind], work: Work, rounds: int, seconds: float) -> RollingResult:
    """Interleaved rounds of all. Throws ServerError where one answers wrongly."""
    result = RollingResult()
    with ExitStack() as stack:
        running = {}
        for way, kind, script in preload.sites(WAYS, kinds, work, KEY):
            named = replace(kind, name=f"{kind.name}-{way.key}")
            server, _ = stack.enter_context(preload.serving(named, work, way, script, PROCESSES))
            running[way.key] = server, script
        for _ in range(rounds):
            result.rounds.append({key: one_round(server, work, script, seconds)
                                  for key, (server, script) in running.items()})
    return result


def one_round(server: Server, work: Work, script: pathlib.Path, seconds: float) -> dict[str, float | None]:
    """One deployment, after which all processes are new. Each thread has served before, so that none is slow by itself."""
    before = preload.processes_of(server, work)
    load.run(server.url(preload.PAGE), preload.CLIENTS, seconds)
    figures = preload.deploy(server, script, seconds)
    preload.until(lambda: not before & preload.processes_of(server, work), "all processes are new")
    return figures
