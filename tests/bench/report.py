"""The results as text: one table against the goals, one with CPU time, latency and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import measure
import mixed
import own_gil
import preload
import pickle_cost
import rolling
import rows
from measure import Result
from rows import Goal

HEADINGS = ("row", "mode", "C handler", "mod_wsgi", "Brine", "Brine/mod_wsgi", "goal", "")
DETAIL_HEADINGS = ("row", "server", "CPU us/request", "p50 us", "p95 us", "p99 us", "PSS MiB",
                   "failed")
NAMES = {"floor": "C handler",
         **{rows.server(family, mode): f"{family.replace('brine', 'Brine')}, {mode}"
            for mode in rows.MODES for family in ("mod_wsgi", "brine")}}
GOAL_WORDS = {"rate/floor": "of the C handler", "rate/mod_wsgi": "x mod_wsgi",
              "rate/mod_wsgi embedded": "x mod_wsgi embedded",
              "p99/floor": "x the C handler's p99", "pss/mod_wsgi": "x mod_wsgi's PSS",
              "failed": "failed requests", "growth": "bytes a request more than C",
              "pythons": "processes with a Python"}
#: Verdicts that do not make a run fail.
HARMLESS = ("met", "-", "not yet")


@dataclass(frozen=True)
class Line:
    """A line of the table; all cells are ready to print."""

    cells: tuple[str, ...]


def number(value: float, pattern: str = "{:.2f}") -> str:
    """The value, or a dash where there is none."""
    return "-" if math.isnan(value) else pattern.format(value)


def verdict(goal: Goal, value: float) -> str:
    """met, MISSED (an aim: not yet), or a dash where there is no figure."""
    if math.isnan(value):
        return "-"
    return "met" if goal.met(value) else "not yet" if goal.aim else "MISSED"


def valid(result: Result, name: str) -> bool:
    """Whether no request of this server failed."""
    return not result.failed(name) and not result.facts.get(name, {}).get("failed")


def goal_cells(result: Result, mode: str, key: str) -> tuple[str, str]:
    """The goal and its verdict, for one of the row's figures in a mode."""
    counted = valid(result, rows.server("brine", mode))
    for goal in result.row.goals_of(mode):
        if goal.figure == key:
            said = verdict(goal, measure.figures(result, mode)[key])
            wanted = "aim " if goal.aim else ""
            return (f"{wanted}{goal} {GOAL_WORDS[key]}",
                    said if counted or key == "failed" else "INVALID: failed requests")
    return "", "" if counted else "INVALID: failed requests"


def share(result: Result, name: str, over: str = "floor", key: str = "rate") -> str:
    """A server's figure over another's."""
    return number(result.ratio(name, over, key))


def load_lines(result: Result, mode: str) -> list[Line]:
    """Throughput; further lines for p99, memory and other ratios where these have goals."""
    goals = {goal.figure for goal in result.row.goals}
    brine, mod_wsgi = rows.server("brine", mode), rows.server("mod_wsgi", mode)
    ratio = share(result, brine, mod_wsgi)
    lines = [Line((result.row.title, mode, number(result.figure("floor", "rate"), "{:,.0f}/s"),
                   share(result, mod_wsgi), share(result, brine), ratio,
                   *goal_cells(result, mode, "rate/floor")))]
    if "rate/mod_wsgi" in goals:
        lines.append(Line(("  against mod_wsgi", mode, "", "", "", ratio,
                           *goal_cells(result, mode, "rate/mod_wsgi"))))
    if "rate/mod_wsgi embedded" in {goal.figure for goal in result.row.goals_of(mode)}:
        lines.append(Line(("  against mod_wsgi embedded", mode, "", share(result, "mod_wsgi"), "",
                           share(result, brine, "mod_wsgi"),
                           *goal_cells(result, mode, "rate/mod_wsgi embedded"))))
    if "p99/floor" in goals:
        lines.append(Line(("  p99", mode, number(result.figure("floor", "p99"), "{:,.0f} us"),
                           share(result, mod_wsgi, key="p99"), share(result, brine, key="p99"),
                           share(result, brine, mod_wsgi, "p99"),
                           *goal_cells(result, mode, "p99/floor"))))
    if "pss/mod_wsgi" in goals:
        lines.append(Line(("  memory (PSS) after the load", mode, pss(result, "floor"),
                           pss(result, mod_wsgi), pss(result, brine),
                           number(measure.figures(result, mode)["pss/mod_wsgi"]),
                           *goal_cells(result, mode, "pss/mod_wsgi"))))
    if "pythons" in {goal.figure for goal in result.row.goals_of(mode)}:
        lines.append(Line(("  processes with a Python", mode, pythons(result, "floor"),
                           pythons(result, mod_wsgi), pythons(result, brine), "",
                           *goal_cells(result, mode, "pythons"))))
    return lines


def pss(result: Result, name: str) -> str:
    """MiB of a server's processes."""
    return f"{result.memory[name]['pss'] / 1024:.1f} MiB" if name in result.memory else "-"


def pythons(result: Result, name: str) -> str:
    """How many of a server's processes have mapped a Python."""
    return str(result.facts.get(name, {}).get("pythons", "-"))


def failures(result: Result, name: str) -> str:
    """Failed requests of a server, or a dash if it was not measured."""
    return str(result.failed(name)) if name in (result.rounds or [{}])[0] else "-"


def reload_lines(result: Result, mode: str) -> list[Line]:
    """Failed requests, and p99 with reloads over p99 without."""
    brine, mod_wsgi = rows.server("brine", mode), rows.server("mod_wsgi", mode)

    def figure(name: str, key: str, pattern: str) -> str:
        return number(result.figure(name, key), pattern)

    return [Line((result.row.title + ": failed", mode, failures(result, "floor"),
                  failures(result, mod_wsgi), failures(result, brine), "",
                  *goal_cells(result, mode, "failed"))),
            Line(("  p99 with / p99 without", mode, "", figure(mod_wsgi, "p99_ratio", "{:.1f} x"),
                  figure(brine, "p99_ratio", "{:.1f} x"), share(result, brine, mod_wsgi, "p99"),
                  "", "")),
            Line(("  loads seen, a round", mode, "", figure(mod_wsgi, "loads", "{:.0f}"),
                  figure(brine, "loads", "{:.0f}"), "", "", ""))]


def blocked_lines(result: Result, mode: str) -> list[Line]:
    """p99 with a blocked worker over p99 without, and the slowest of many connections."""
    brine, mod_wsgi = rows.server("brine", mode), rows.server("mod_wsgi", mode)

    def figure(name: str, key: str, pattern: str, unit: float = 1.0) -> str:
        return number(result.figure(name, key) / unit, pattern)

    return [Line((result.row.title + ": failed", mode, "-", failures(result, mod_wsgi),
                  failures(result, brine), "", *goal_cells(result, mode, "failed"))),
            Line(("  p99 with / p99 without", mode, "", figure(mod_wsgi, "p99_ratio", "{:.2f} x"),
                  figure(brine, "p99_ratio", "{:.2f} x"), share(result, brine, mod_wsgi, "p99"),
                  "", "")),
            Line((f"  slowest of {result.row.load.connections} connections", mode, "",
                  figure(mod_wsgi, "crowd_slowest", "{:,.0f} ms", 1000),
                  figure(brine, "crowd_slowest", "{:,.0f} ms", 1000), "", "", ""))]


def memory_lines(result: Result, mode: str) -> list[Line]:
    """Bytes of private memory per request."""
    def growth(name: str) -> str:
        return number(result.growth(name), "{:.2f} B")

    requests = max((facts["steps"][-1]["requests"] for facts in result.facts.values()), default=0)
    return [Line((f"{result.row.title}, {requests:,} requests", mode, growth("floor"),
                  growth(rows.server("mod_wsgi", mode)), growth(rows.server("brine", mode)), "",
                  *goal_cells(result, mode, "growth")))]


LINES = {"load": load_lines, "reload": reload_lines, "memory": memory_lines,
         "blocked": blocked_lines}


def lines(results: list[Result]) -> list[Line]:
    """The main table."""
    return [line for result in results for mode in result.modes
            for line in LINES[result.row.how](result, mode)]


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


def text(results: list[Result], costs: list[pickle_cost.CostResult], facts: dict,
         gils: own_gil.OwnGilResult | None = None, beside: Sequence[mixed.MixedResult] = (),
         preloaded: preload.PreloadResult | None = None, rolled: rolling.RollingResult | None = None) -> str:
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
    if gils:
        parts += [table(own_gil.HEADINGS, [Line(cells) for cells in gils.cells()]),
                  "Brine in daemon mode alone, rounds interleaved; PSS of all processes of that httpd."]
    for made in beside:
        parts += [table(made.mixture.headings, [Line(cells) for cells in made.cells()]),
                  f"{made.mixture.clients} at {made.mixture.path} while one client is on a page of 500 ms of the processor's time; "
                  "their p99 is compared within a round, with Brine's in as many processes."]
    if preloaded:
        parts += [table(preload.HEADINGS, [Line(cells) for cells in preloaded.cells()]),
                  "PSS of all processes of that httpd, and its share of Brine's without preload; a pause is the "
                  "slowest request of four connections while the script is replaced."]
    if rolled:
        parts += [table(rolling.HEADINGS, [Line(cells) for cells in rolled.cells()]),
                  "Four connections and a client more while the script is replaced, and for as long without; the p99 are "
                  "compared within a round (median of the rounds)."]
    parts.append("Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    parts += [f"{result.row.key}, {name}: {why}" for result in results
              for name, why in result.broken.items()]
    return "\n\n".join(part for part in parts if part)


def as_json(results: list[Result], costs: list[pickle_cost.CostResult], facts: dict,
            options: dict, gils: own_gil.OwnGilResult | None = None,
            beside: Sequence[mixed.MixedResult] = (), preloaded: preload.PreloadResult | None = None,
            rolled: rolling.RollingResult | None = None) -> dict:
    """Every round's raw numbers."""
    return {
        "own_gil": gils.as_json() if gils else None,
        **{made.mixture.key: made.as_json() for made in beside},
        "preload": preloaded.as_json() if preloaded else None,
        "rolling": rolled.as_json() if rolled else None,
        "pickle": [cost.as_json() for cost in costs],
        "facts": facts,
        "options": options,
        "rows": [{"key": result.row.key, "title": result.row.title, "rounds": result.rounds,
                  "memory": result.memory, "once": result.facts, "broken": result.broken,
                  "figures": {mode: {name: None if math.isnan(value) else round(value, 4)
                                     for name, value in measure.figures(result, mode).items()}
                              for mode in result.modes},
                  "goals": [{"mode": mode, "figure": goal.figure, "goal": str(goal),
                             "aim": goal.aim,
                             "verdict": goal_cells(result, mode, goal.figure)[1]}
                            for mode in result.modes for goal in result.row.goals_of(mode)]}
                 for result in results],
    }
