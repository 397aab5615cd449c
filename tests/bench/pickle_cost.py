"""What the pickle guard costs: ratios to plain pickle in the same process, against their goals."""

from __future__ import annotations

import json
import os
import pathlib
import re
import statistics
import subprocess
from dataclasses import dataclass, field

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
HEADINGS = ("pickle guard", "x pickle", "goal", "")


@dataclass(frozen=True)
class Cost:
    """The guarded call may take at most `most` times as long as pickle's own."""

    key: str
    title: str
    most: float


COSTS = (
    Cost("pickle-session", "dumps, a session of 20 built-in values", 1.03),
    Cost("pickle-typed", "dumps, the same with datetime, Decimal, UUID", 1.10),
    Cost("pickle-dump", "dump to a file, the session", 1.25),
    Cost("pickle-pickler", "Pickler(file).dump, the session", 1.25),
    *(Cost(f"pickle-protocol-{protocol}", f"dumps by protocol {protocol}, the session", 1.25) for protocol in range(4)),
    Cost("pickle-dataclass", "dumps, one dataclass", 1.10),
    Cost("pickle-instances", "dumps, 1,000 instances of a module's class", 1.10),
    Cost("pickle-bytes", "dumps, 10 MB of bytes", 1.01),
    Cost("pickle-frame", "dumps, a DataFrame of 100,000 rows", 1.03),
    Cost("pickle-loads", "loads, the session with datetime, Decimal, UUID", 1.02),
    Cost("pickle-refused", "dumps that fails again, 300,000 rows behind the lock", 1.5),
    Cost("pickle-first", "dumps that fails for the first time, likewise", 5.0),
    Cost("pickle-first-again", "likewise, of a reloaded class whose hazard was told", 5.0),
    Cost("pickle-path", "inspect, the path among 100,000 objects", 3.0),
)


@dataclass
class CostResult:
    """The ratio in each round."""

    cost: Cost
    rounds: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def verdict(self) -> str:
        """met or MISSED."""
        return "met" if self.ratio <= self.cost.most else "MISSED"

    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        return self.cost.title, f"{self.ratio:.3f}", f"<= {self.cost.most:g}", self.verdict

    def as_json(self) -> dict:
        """Raw numbers, and the goal as the other rows have it."""
        return {"key": self.cost.key, "title": self.cost.title, "rounds": self.rounds, "ratio": round(self.ratio, 4),
                "goals": [{"figure": "ratio", "goal": f"<= {self.cost.most:g}", "verdict": self.verdict}]}


def python_of(build: pathlib.Path) -> str:
    """The Python of the build's own command: the first that it has an engine for."""
    first = (build / "brine").read_text().partition("\n")[0]
    return re.sub(r"^#!(\S+).*", r"\1", first)


def measure(build: pathlib.Path, keys: list[str], rounds: int) -> list[CostResult]:
    """The costs with these keys (all for none); CalledProcessError where the build has no guard.

    That of a DataFrame is left out where the build's Python has no pandas.
    """
    path = os.pathsep.join([str(REPOSITORY / "python"), str(build / "python")])
    script = pathlib.Path(__file__).with_name("pickle_values.py")
    answer = subprocess.run([python_of(build), script, str(rounds), *keys], env={**os.environ, "PYTHONPATH": path},
                            capture_output=True, text=True, check=True)
    ratios = json.loads(answer.stdout)
    return [CostResult(cost, ratios[cost.key]) for cost in COSTS if cost.key in ratios]
