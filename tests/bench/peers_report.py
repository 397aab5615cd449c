"""The peers as Markdown, as JSON, and put into the documents between their marks."""

from __future__ import annotations

import math
import pathlib
import re

import peers
import peers_chart
import report
from growth import Growth
from measure import Result
from peers import Peer
from peers_rows import FIGURES, ROWS, Figure, PeerPlan, PeerResult

#: Two values that differ by less are the same.
ALIKE = 0.05
#: Likewise those that differ by no more than this, which nobody feels: by figure.
LEAST = {"deploy-failed": 0.5, "open-p50": 0.5, "open-p99": 2.0, "slow-p99": 5.0}
#: A load average of more than this for each processor is that of a busy machine.
IDLE = 0.5
_NOISE = ("No reason is known. The rounds, in the JSON, show whether it is more than the noise of a busy machine; "
          "more `--rounds` tell.")
_ON = ("With `WSGIScriptReloading On`, the default, a request waits for the new code, so that nobody who asks after the "
       "deployment gets the old one; with `Rolling` nobody waits.")
_IMPORTS = ("New children of httpd import the application while requests wait for them; all that is embedded has this. "
            "A daemon group with `Rolling` does not.")
_MOVE = "The import of the new version, in the template, takes the processors from the requests that the old one answers."
_HOP = "A daemon group is a process further away than httpd's own, which costs a request two context switches."
_BUFFERS = ("nginx takes bodies in an event loop, before anything hears of them; in httpd each of the slow clients has a thread "
            "of a child, which competes with the others.")
_GIL = ("Up to 64 threads of each of httpd's children want the GIL of that child, where the others have five in a process.")
_SHARED = ("uwsgi forks after it has loaded the application, so that its processes share what they imported, as those of a group "
           "with `preload=On` do; waitress is one process, with one copy.")
_ONE_IMPORT = ("uwsgi and waitress import the application once, and four processes four times, at the same time, on two processors; "
               "a group with `preload=On` imports once too.")
#: Why a column of Brine may lose in a figure: of the figure and the column, of the figure, of any.
REASONS = {
    ("deploy-pause", "brine-daemon"): _ON, ("deploy-p99", "brine-daemon"): _ON,
    ("deploy-pause", "brine-embedded"): _IMPORTS, ("deploy-p99", "brine-embedded"): _IMPORTS,
    ("deploy-seconds", "brine-preload"): "Until all new processes are ready, the old code answers what they have no thread for.",
    ("deploy-seconds", ""): "It is the time of the import, which the load makes longer.",
    ("four-memory", ""): _SHARED, ("four-start", ""): _ONE_IMPORT,
    ("deploy-pause", "brine-preload"): _MOVE, ("deploy-p99", "brine-preload"): _MOVE,
    ("upload", "brine-daemon"): _HOP, ("download", "brine-daemon"): _HOP, ("hello", "brine-daemon"): _HOP,
    ("slow-rate", ""): _BUFFERS, ("slow-p99", "brine-daemon"): _BUFFERS,
    ("open-p50", "brine-embedded"): _GIL, ("open-p99", "brine-embedded"): _GIL, ("slow-p99", "brine-embedded"): _GIL,
    ("", ""): _NOISE,
}
#: What stands in the README: figures, and the columns there.
BRIEF = ("django", "deploy-pause", "four-memory", "four-start")
#: The places in the pages that are written anew.
TABLE, GROWTH, MEMORY = "the table of peers", "growth", "memory"


def columns(results: list[PeerResult]) -> list[Peer]:
    """The peers that have a value anywhere."""
    keys = {key for result in results for values in result.values.values() for key in values}
    return [each for each in peers.PEERS if each.key in keys]


def better(figure: Figure, one: float, other: float) -> bool:
    """Whether the first value is better than the second by more than noise. No value is the worst one."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(other) and not math.isnan(one)
    if abs(one - other) <= LEAST.get(figure.key, 0.0):
        return False
    return one > other * (1 + ALIKE) if figure.more else one * (1 + ALIKE) < other


def cell(result: PeerResult, figure: Figure, each: Peer, there: list[Peer]) -> str:
    """A value; bold where no other is better."""
    if each.key not in result.values.get(figure.key, {}):
        return ""
    value = result.value(figure.key, each.key)
    others = [result.value(figure.key, other.key) for other in there
              if other is not each and other.key in result.values[figure.key]]
    said = figure.text(value)
    return said if any(better(figure, other, value) for other in others) else f"**{said}**"


def markdown(headings: list[str], body: list[list[str]]) -> str:
    """A table; figures to the right."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (
        headings, ["---", *["--:"] * (len(headings) - 1)], *body))


def table(results: list[PeerResult], wanted: tuple[str, ...] = ()) -> str:
    """A line for each figure, a column for each peer."""
    there = columns(results)
    body = [[figure.title, *(cell(result, figure, each, there) for each in there)]
            for result in results for figure in result.row.figures
            if figure.key in result.values and (not wanted or figure.key in wanted)]
    return markdown(["", *(each.title for each in there)], body)


def reason(figure: str, which: str) -> str:
    """What is known about a lost cell."""
    return next(REASONS[key] for key in ((figure, which), (figure, ""), ("", "")) if key in REASONS)


def lost(results: list[PeerResult]) -> list[str]:
    """A line for each figure and reason: the cells of Brine's than which another server has a better one, and who it is."""
    cells: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for figure in result.row.figures:
            there = [each for each in columns(results) if each.key in result.values.get(figure.key, {})]
            for ours in (each for each in there if each.ours):
                value = result.value(figure.key, ours.key)
                ahead = [f"{each.title} {figure.text(result.value(figure.key, each.key))}" for each in there
                         if not each.ours and better(figure, result.value(figure.key, each.key), value)]
                if ahead:
                    cells.setdefault((figure.title, reason(figure.key, ours.key)), []).append(
                        f"{ours.title} {figure.text(value)} ({'; '.join(ahead)})")
    return [f"- **{title}**: {', '.join(said)}. {why}" for (title, why), said in cells.items()]


def failures(results: list[PeerResult]) -> list[str]:
    """Requests that failed where none may, and peers without figures."""
    titles = {each.key: each.title for each in peers.PEERS}
    return [f"{titles[key]}: {count} requests of the row {result.row.key} failed"
            for result in results for key, count in result.failed.items() if count] + \
           [f"{titles[key]} has no figures in the row {result.row.key}: {why.splitlines()[0]}"
            for result in results for key, why in result.broken.items()]


def foot(facts: dict) -> str:
    """What the pictures rest on."""
    found = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"{found}; {facts['cores']} cores"


def busy(facts: dict) -> str:
    """What else the machine did: its load average before anything was measured, and whether that is much."""
    said = f"Its load average was {facts['load']} before the run"
    return f"{said}: it had other work to do." if float(facts["load"]) > facts["cores"] * IDLE else f"{said}."


def least() -> str:
    """The differences that count as none, whatever their share."""
    return "; ".join(f"in *{FIGURES[key].title}*, by more than {value:g}{FIGURES[key].unit.partition('}')[2]}"
                     for key, value in LEAST.items())


def text(results: list[PeerResult], facts: dict, left_out: list[str]) -> str:
    """All of it, for a page: the table, what was compared, and what Brine loses."""
    plan = facts["plan"]
    parts = [table(results),
             f"Of one run on a machine with {facts['cores']} processors, which the client shared: {plan['rounds']} rounds of "
             f"{plan['seconds']} s each (of plain load twice as many), medians. {busy(facts)} {foot(facts)}. Bold: no other is "
             f"better by more than {ALIKE:.0%} and, {least()}."]
    if said := left_out + failures(results):
        parts.append("\n".join(f"- {line}" for line in said))
    if losses := lost(results):
        parts += ["Where others are ahead of a column of Brine's (they are in parentheses), and why:", "\n".join(losses)]
    return "\n\n".join(parts)


def as_json(results: list[PeerResult], facts: dict, left_out: list[str]) -> dict:
    """Every round's values; null where there was none."""
    def numbers(values: list[float]) -> list[float | None]:
        return [round(value, 4) if math.isfinite(value) else None for value in values]

    return {"facts": facts, "left_out": left_out, "lost": lost(results),
            "rows": [{"key": result.row.key, "processes": result.row.processes, "threads": result.row.threads,
                      "figures": {key: {"title": FIGURES[key].title, "more_is_better": FIGURES[key].more,
                                        "rounds": {which: numbers(values) for which, values in by.items()}}
                                  for key, by in result.values.items()},
                      "failed": result.failed, "broken": result.broken} for result in results]}


def from_json(data: dict) -> tuple[list[PeerResult], dict, list[str]]:
    """What as_json() was made of."""
    results = []
    for row in data["rows"]:
        made = PeerResult(next(each for each in ROWS if each.key == row["key"]), failed=row["failed"], broken=row["broken"])
        made.values = {key: {which: [math.nan if value is None else value for value in values]
                             for which, values in figure["rounds"].items()} for key, figure in row["figures"].items()}
        results.append(made)
    return results, data["facts"], data["left_out"]


def marked(page: str, name: str, fresh: str) -> str:
    """The page with what is between the marks of this name replaced."""
    begin, end = f"<!-- {name}: tests/bench/run writes this -->", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page does not have the marks of {name} once")
    return pattern.sub(lambda _: f"{begin}\n\n{fresh}\n\n{end}", page)


def update(repository: pathlib.Path, results: list[PeerResult], facts: dict, left_out: list[str]) -> None:
    """Puts the table into the documents, and the pictures beside them."""
    for name, fresh in (("docs/benchmark.md", text(results, facts, left_out)), ("README.md", table(results, BRIEF))):
        page = repository / name
        page.write_text(marked(page.read_text(), TABLE, fresh))
    pictures(results, facts, repository / "docs/peers.svg", repository / "docs/peers-deployment.svg")


def grown(growth: Growth) -> str:
    """The row many-sites as a table."""
    return markdown(growth.headings(), growth.table())


def flat(results: list[Result]) -> str:
    """The rows of memory over many requests, as a table."""
    told = [line.cells for result in results if result.row.how == "memory" and result.facts
            for mode in result.modes for line in report.memory_lines(result, mode)]
    return markdown(["bytes of private memory a request", "mode", "C handler", "mod_wsgi", "Brine"],
                    [list(cells[:5]) for cells in told]) if told else ""


def update_growth(repository: pathlib.Path, growth: Growth | None, results: list[Result]) -> None:
    """Puts these tables, as far as they were measured, into their page."""
    page = repository / "docs/benchmark.md"
    for name, fresh in ((GROWTH, grown(growth) if growth else ""), (MEMORY, flat(results))):
        if fresh:
            page.write_text(marked(page.read_text(), name, fresh))


def pictures(results: list[PeerResult], facts: dict, throughput: pathlib.Path, deployment: pathlib.Path) -> None:
    """Writes those pictures for which there are figures."""
    for file, drawn in ((throughput, peers_chart.throughput(results, foot(facts))),
                        (deployment, peers_chart.deployment(results, foot(facts)))):
        if drawn:
            file.write_text(drawn)


def facts_of(plan: PeerPlan, versions: dict[str, str], cores: int, load: str) -> dict:
    """What the figures rest on."""
    return {"cores": cores, "load": load, "plan": {"rounds": plan.rounds, "seconds": plan.seconds}, "versions": versions}
