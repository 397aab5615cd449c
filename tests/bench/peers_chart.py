"""The peers in two pictures: throughput, and what a deployment costs. A panel for each figure, a bar for each peer."""

from __future__ import annotations

import math
from html import escape

import peers
from chart import STYLE, text
from peers_rows import FIGURES, Figure, PeerResult

WIDTH = 880
MARGIN = 24
PANEL = (WIDTH - 3 * MARGIN) // 2
LABELS = 178
VALUE = 74
BARS = PANEL - LABELS - VALUE
BAR, STEP = 10, 16
HEAD = 30  #: of a panel
TOP = 62
FOOT = 40
THROUGHPUT = ("hello", "django", "flask", "download", "upload", "file")
DEPLOYMENT = ("deploy-pause", "deploy-failed", "four-memory", "four-start")
#: What the value of a bar is drawn as where there is none: nothing is longer.
NEVER = 1.0


def shown(results: list[PeerResult], figure: str) -> list[tuple[peers.Peer, float]]:
    """The peers that were measured, in their order."""
    for result in results:
        if figure in result.values:
            return [(each, result.value(figure, each.key)) for each in peers.PEERS if each.key in result.values[figure]]
    return []


def bar(x: float, y: float, each: peers.Peer, value: float, most: float, figure: Figure) -> str:
    """A peer's name, bar and value."""
    share = NEVER if math.isnan(value) else value / most if most else 0
    kind = "brine" if each.ours else "mod_wsgi"
    length = max(1.5, share * BARS)
    return (text(x, y + BAR - 1, each.title, "dim strong" if each.ours else "dim") +
            f'<rect x="{x + LABELS:g}" y="{y:g}" width="{length:.1f}" height="{BAR}" rx="2" class="{kind}"/>' +
            text(x + LABELS + length + 5, y + BAR - 1, figure.text(value), "dim strong" if each.ours else "dim"))


def panel(x: float, y: float, figure: Figure, values: list[tuple[peers.Peer, float]]) -> str:
    """One figure of all peers."""
    most = max((value for _, value in values if not math.isnan(value)), default=0.0)
    better = "more is better" if figure.more else "less is better"
    return "\n".join([
        text(x, y + 13, figure.title, "strong"), text(x + PANEL, y + 13, better, "dim", "end"),
        *(bar(x, y + HEAD - 6 + number * STEP, each, value, most, figure)
          for number, (each, value) in enumerate(values))])


def svg(results: list[PeerResult], keys: tuple[str, ...], title: str, foot: str) -> str:
    """Panels of these figures, two in a row; empty where none was measured."""
    there = [(FIGURES[key], values) for key in keys if (values := shown(results, key))]
    if not there:
        return ""
    parts, y = [], float(TOP)
    for left in range(0, len(there), 2):
        pair = there[left:left + 2]
        parts += [panel(MARGIN + side * (PANEL + MARGIN), y, *each) for side, each in enumerate(pair)]
        y += HEAD + STEP * max(len(values) for _, values in pair) + 14
    full = y + FOOT - 14
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {full:g}" width="{WIDTH}" height="{full:g}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{full - 1:g}" rx="8" class="card"/>',
        text(MARGIN, 36, title, "title"), *parts, text(MARGIN, full - 16, foot, "dim"), "</svg>", ""])


def throughput(results: list[PeerResult], foot: str) -> str:
    """Requests a second."""
    return svg(results, THROUGHPUT, "Requests per second, of the same application", foot)


def deployment(results: list[PeerResult], foot: str) -> str:
    """What a deployment under load costs, and what the processes do."""
    return svg(results, DEPLOYMENT, "What a deployment under load costs, and what four processes cost", foot)
