"""The results as text: one table against the goals, one with CPU time, latency and memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import measure
import pickle_cost
from measure import Result
from rows import Goal

HEADINGS = ("row", "C handler", "mod_wsgi", "Brine", "Brine/mod_wsgi", "goal", "")
DETAIL_HEADINGS = ("row", "server", "CPU us/request", "p50 us", "p95 us", "p99 us", "PSS MiB",
                   "failed")
NAMES = {"floor": "C handler", "mod_wsgi": "mod_wsgi", "brine": "Brine"}
GOAL_WORDS = {"rate/floor": "of the C handler", "rate/mod_wsgi": "x mod_wsgi",
              "p99/floor": "x the C handler's p99", "pss/mod_wsgi": "x mod_wsgi's PSS",
              "failed": "failed requests", "growth": "bytes a request more than C"}


@dataclass(frozen=True)
class Line:
    """A line of the table; all cells are ready to print."""

    cells: tuple[str, ...]


def number(value: float, pattern: str = "{:.2f}") -> str:
    """The value, or a dash where there is none."""
    return "-" if math.isnan(value) else pattern.format(value)


def verdict(goal: Goal, value: float) -> str:
    """met, MISSED, or a dash where there is no figure."""
    return "-" if math.isnan(value) else "met" if goal.met(value) else "MISSED"


def valid(result: Result, name: str) -> bool:
    """Whether no request of this server failed."""
    return not result.failed(name) and not result.facts.get(name, {}).get("failed")


def goal_cells(result: Result, key: str) -> tuple[str, str]:
    """The goal and its verdict, for one of the row's figures."""
    for goal in result.row.goals:
        if goal.figure == key:
            value = measure.figures(result)[key]
            counted = key == "failed" or valid(result, "brine")
            return (f"{goal} {GOAL_WORDS[key]}",
                    verdict(goal, value) if counted else "INVALID: failed requests")
    return "", "" if valid(result, "brine") else "INVALID: failed requests"


def share(result: Result, name: str, over: str = "floor", key: str = "rate") -> str:
    """A server's figure over another's."""
    return number(result.ratio(name, over, key))


def load_lines(result: Result) -> list[Line]:
    """Throughput; further lines for p99, memory and the ratio to mod_wsgi where these have goals."""
    row, goals = result.row, {goal.figure for goal in result.row.goals}
    ratio = share(result, "brine", "mod_wsgi")
    lines = [Line((row.title, number(result.figure("floor", "rate"), "{:,.0f}/s"),
                   share(result, "mod_wsgi"), share(result, "brine"), ratio,
                   *goal_cells(result, "rate/floor")))]
    if "rate/mod_wsgi" in goals:
        lines.append(Line(("  against mod_wsgi", "", "", "", ratio,
                           *goal_cells(result, "rate/mod_wsgi"))))
    if "p99/floor" in goals:
        lines.append(Line(("  p99", number(result.figure("floor", "p99"), "{:,.0f} us"),
                           share(result, "mod_wsgi", key="p99"), share(result, "brine", key="p99"),
                           share(result, "brine", "mod_wsgi", "p99"),
                           *goal_cells(result, "p99/floor"))))
    if "pss/mod_wsgi" in goals:
        lines.append(Line(("  memory (PSS) after the load", pss(result, "floor"),
                           pss(result, "mod_wsgi"), pss(result, "brine"),
                           number(measure.figures(result)["pss/mod_wsgi"]),
                           *goal_cells(result, "pss/mod_wsgi"))))
    return lines


def pss(result: Result, name: str) -> str:
    """MiB of a server's processes."""
    return f"{result.memory[name]['pss'] / 1024:.1f} MiB" if name in result.memory else "-"


def reload_lines(result: Result) -> list[Line]:
    """Failed requests, and p99 with reloads over p99 without."""
    def failed(name: str) -> str:
        return str(result.failed(name)) if name in (result.rounds or [{}])[0] else "-"

    def over_quiet(name: str) -> str:
        return number(result.figure(name, "p99_ratio"), "{:.1f} x")

    return [Line((result.row.title + ": failed", failed("floor"), failed("mod_wsgi"),
                  failed("brine"), "", *goal_cells(result, "failed"))),
            Line(("  p99 with / p99 without", "", over_quiet("mod_wsgi"), over_quiet("brine"),
                  share(result, "brine", "mod_wsgi", "p99"), "", "")),
            Line(("  loads seen, a round", "",
                  number(result.figure("mod_wsgi", "loads"), "{:.0f}") if
                  failed("mod_wsgi") != "-" else "-",
                  number(result.figure("brine", "loads"), "{:.0f}") if
                  failed("brine") != "-" else "-", "", "", ""))]


def memory_lines(result: Result) -> list[Line]:
    """Bytes of private memory per request."""
    def growth(name: str) -> str:
        return number(result.growth(name), "{:.2f} B")

    requests = max((facts["steps"][-1]["requests"] for facts in result.facts.values()), default=0)
    return [Line((f"{result.row.title}, {requests:,} requests", growth("floor"),
                  growth("mod_wsgi"), growth("brine"), "", *goal_cells(result, "growth")))]


LINES = {"load": load_lines, "reload": reload_lines, "memory": memory_lines}


def lines(results: list[Result]) -> list[Line]:
    """The main table."""
    return [line for result in results for line in LINES[result.row.how](result)]


def details(results: list[Result]) -> list[Line]:
    """CPU time, latency, memory: a line per row and server."""
    out = []
    for result in results:
        for name in result.rounds[0] if result.rounds else ():
            times = [number(result.figure(name, key), "{:,.0f}") for key in ("p50", "p95", "p99")]
            memory = result.memory.get(name, {}).get("pss", math.nan) / 1024
            out.append(Line((result.row.title, NAMES[name],
                             number(result.figure(name, "cpu"), "{:,.1f}"), *times,
                             number(memory, "{:.1f}"), str(result.failed(name)))))
    return out


def table(headings: tuple[str, ...], body: list[Line]) -> str:
    """Aligned columns: the first to the left, figures to the right, goals to the left."""
    grid = [headings, *(line.cells for line in body)]
    widths = [max(len(cells[i]) for cells in grid) for i in range(len(headings))]
    right = [any(c.cells[i][:1].isdigit() for c in body) and i > 0 for i in range(len(headings))]
    rows = ["  ".join(cell.rjust(width) if to_right else cell.ljust(width)
                      for cell, width, to_right in zip(cells, widths, right)).rstrip()
            for cells in grid]
    return "\n".join([rows[0], "-" * max(map(len, rows)), *rows[1:]])


def text(results: list[Result], costs: list[pickle_cost.CostResult], facts: dict) -> str:
    """The whole report."""
    parts = []
    if results:
        parts += [table(HEADINGS, lines(results)),
                  "mod_wsgi and Brine are shares of the C handler in the same round (median of the "
                  "rounds); the C handler is in requests/s.",
                  table(DETAIL_HEADINGS, details(results))]
    if costs:
        parts += [table(pickle_cost.HEADINGS, [Line(cost.cells()) for cost in costs]),
                  "Guarded time over pickle's own in the same process (median of the rounds)."]
    parts.append("Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    parts += [f"{result.row.key}, {name}: {why}" for result in results
              for name, why in result.broken.items()]
    return "\n\n".join(part for part in parts if part)


def as_json(results: list[Result], costs: list[pickle_cost.CostResult], facts: dict,
            options: dict) -> dict:
    """Every round's raw numbers."""
    return {
        "pickle": [cost.as_json() for cost in costs],
        "facts": facts,
        "options": options,
        "rows": [{"key": result.row.key, "title": result.row.title, "rounds": result.rounds,
                  "memory": result.memory, "once": result.facts, "broken": result.broken,
                  "figures": {name: None if math.isnan(value) else round(value, 4)
                              for name, value in measure.figures(result).items()},
                  "goals": [{"figure": goal.figure, "goal": str(goal),
                             "verdict": goal_cells(result, goal.figure)[1]}
                            for goal in result.row.goals]} for result in results],
    }
