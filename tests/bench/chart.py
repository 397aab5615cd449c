"""The results as a bar chart in SVG: throughput as a share of the C handler's, a group per row."""

from __future__ import annotations

import math
from html import escape

import rows
from measure import Result

WIDTH = 880
LABELS = 236  #: where the bars begin
BARS = 440  #: length of a bar that equals the C handler
LONGEST = 1.12  #: a longer bar is cut here; its value is printed
VALUE = 40  #: room that a printed value takes
BAR = 12
PAIR = 2 * BAR + 3  #: height of one mode: Brine's bar and mod_wsgi's
GAP = 15  #: between rows
LEAST = 30  #: height of a row's own text
TOP = 104
BOTTOM = 58
#: GitHub shows the file by <img>, where the reader's colour scheme still holds.
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.dim { font-size: 11px; fill: #59636e }
.strong { font-weight: 600 }
.halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
.card { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.floor { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 4 3 }
.brine { fill: #0a7ea4 }
.mod_wsgi { fill: #afb8c1 }
.brine-daemon { fill: #5f55b5 }
.mod_wsgi-daemon { fill: #d0d7de }
.goal { stroke: #bc4c00; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .dim { fill: #9198a1 }
  .halo { stroke: #0d1117 }
  .card { fill: #0d1117; stroke: #3d444d }
  .grid { stroke: #2a313c }
  .floor { stroke: #9198a1 }
  .brine { fill: #39b5d8 }
  .mod_wsgi { fill: #656c76 }
  .brine-daemon { fill: #9a8ff0 }
  .mod_wsgi-daemon { fill: #444c56 }
  .goal { stroke: #f0883e }
}
"""


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x: float, y1: float, y2: float, kind: str) -> str:
    """An upright line."""
    return f'<line x1="{x:g}" y1="{y1:g}" x2="{x:g}" y2="{y2:g}" class="{kind}"/>'


def bar(y: float, share: float, kind: str, goal: float = 0.0) -> str:
    """A bar with its value behind it, and behind the goal's mark where that is in the way."""
    length = max(2.0, min(share, LONGEST) * BARS)
    mark = goal * BARS
    label = mark if length <= mark < length + VALUE else length
    style = "dim halo strong" if kind.startswith("brine") else "dim halo"
    return (f'<rect x="{LABELS}" y="{y:g}" width="{length:.1f}" height="{BAR}" rx="2" '
            f'class="{kind}"/>' + text(LABELS + label + 7, y + BAR - 2.5, f"{share:.2f}", style))


def charted(results: list[Result]) -> list[Result]:
    """The rows that have a throughput to show."""
    return [result for result in results if result.row.how == "load" and result.rounds
            and "floor" in result.rounds[0] and modes(result)]


def modes(result: Result) -> list[str]:
    """The modes that have a bar."""
    return [mode for mode in result.modes
            if any(not math.isnan(result.ratio(rows.server(family, mode), "floor", "rate"))
                   for family in ("brine", "mod_wsgi"))]


def height(result: Result) -> int:
    """What a row takes, with the gap behind it."""
    return max(LEAST, len(modes(result)) * (PAIR + 2)) + GAP


def pair(result: Result, mode: str, y: float) -> str:
    """The bars of a mode, Brine's goal there, and how many times faster Brine is."""
    brine, mod_wsgi = rows.server("brine", mode), rows.server("mod_wsgi", mode)
    goal = next((goal.least for goal in result.row.goals_of(mode)
                 if goal.figure == "rate/floor" and goal.least is not None), 0.0)
    parts = []
    for name, top, mark in ((brine, y, goal), (mod_wsgi, y + BAR + 1, 0.0)):
        share = result.ratio(name, "floor", "rate")
        if not math.isnan(share):
            parts.append(bar(top, share, name, mark))
    times = result.ratio(brine, mod_wsgi, "rate")
    if not math.isnan(times):
        parts.append(text(WIDTH - 32, y + BAR + 5, f"{times:.1f} x", "strong", "end"))
    if goal:
        parts.append(line(LABELS + goal * BARS, y - 1, y + BAR + 1, "goal"))
    return "\n".join(parts)


def group(result: Result, y: float) -> str:
    """A row: its name, the C handler's rate, the bars of each mode."""
    return "\n".join([
        text(LABELS - 14, y + 13, result.row.title, anchor="end"),
        text(LABELS - 14, y + 27, f"C handler {result.figure('floor', 'rate'):,.0f}/s", "dim",
             "end"),
        *(pair(result, mode, y + index * (PAIR + 2)) for index, mode in enumerate(modes(result)))])


def legend(y: float, shown: list[Result], mod_wsgi: str) -> str:
    """What the colours and lines mean."""
    seen = [mode for mode in rows.MODES if any(mode in modes(result) for result in shown)]
    entries = [(rows.server(family, mode), f"{title}, {mode}", width) for mode in seen
               for family, title, width in (("brine", "Brine", 128), ("mod_wsgi", mod_wsgi, 172))]
    entries += [("goal", "Brine's goal", 100), ("floor", "C handler = 1", 110)]
    parts, x = [], 24.0
    for kind, words, width in entries:
        if kind in ("goal", "floor"):
            parts.append(line(x + 6, y - 11, y + 2, kind))
        else:
            parts.append(f'<rect x="{x:g}" y="{y - 10:g}" width="12" height="12" rx="2" '
                         f'class="{kind}"/>')
        parts.append(text(x + 18, y, words, "dim"))
        x += width
    return "\n".join(parts)


def axis(top: float, bottom: float) -> str:
    """Upright lines at quarters, and the C handler's own."""
    parts = []
    for quarter in range(5):
        x = LABELS + quarter * BARS / 4
        parts.append(line(x, top, bottom, "floor" if quarter == 4 else "grid"))
        parts.append(text(x, bottom + 17, f"{quarter / 4:g}", "dim", "middle"))
    return "\n".join(parts)


def footer(facts: dict, rounds: int) -> str:
    """What the figures rest on."""
    pythons = {value for name, value in facts.items() if name.endswith("Python")}
    return (f"httpd {facts['httpd']}, event MPM, one child of 64 threads; daemon mode: 1 process, "
            f"5 threads; Python "
            f"{', '.join(sorted(pythons)) or '-'}; {facts['cores']} cores; 16 connections; "
            f"median of {rounds} interleaved rounds")


def svg(results: list[Result], facts: dict) -> str:
    """The whole picture."""
    shown = charted(results)
    tops = [TOP + sum(map(height, shown[:index])) for index in range(len(shown))]
    bottom = TOP + sum(map(height, shown))
    full = bottom + BOTTOM
    rounds = max((len(result.rounds) for result in shown), default=0)
    mod_wsgi = f"mod_wsgi {facts.get('mod_wsgi', '')}".strip()
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {full}" '
        f'width="{WIDTH}" height="{full}" role="img" '
        f'aria-label="Throughput of Brine and mod_wsgi as a share of a C handler">',
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{full - 1}" rx="8" class="card"/>',
        text(24, 36, "Requests per second, as a share of a plain C handler", "title"),
        legend(66, shown, mod_wsgi),
        text(WIDTH - 32, TOP - 14, "Brine / mod_wsgi", "dim", "end"),
        axis(TOP - 10, bottom),
        *(group(result, top) for result, top in zip(shown, tops)),
        text(24, full - 16, footer(facts, rounds), "dim"),
        "</svg>", ""])
