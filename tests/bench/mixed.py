"""A page that computes for 500 ms beside hello world, or a Django page, in the same group: what the one costs the other.

Brine and mod_wsgi in daemon mode, and gunicorn's gthread behind httpd: one process of five threads, and two.
"""

from __future__ import annotations

import contextlib
import math
import pathlib
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import load
import peers
import peers_rows
import rows
import servers
from load import Load
from servers import Kind, Server, ServerError, Work, common_lines

HEAVY = "/heavy"
LOAD = Load(connections=8)
THREADS = 5
PROCESSES = (1, 2)
BODY_BYTES = {HEAVY: 12}
GUNICORN = "gunicorn"
#: The whole of an application for gunicorn: each of the scripts, below the URL that it has elsewhere.
DISPATCHER = """\
import importlib.util
from importlib.machinery import SourceFileLoader

def load(name):
    loader = SourceFileLoader(name, "{apps}/" + name + ".wsgi")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module.application

PAGES = {{name: load(name) for name in {names}}}

def application(environ, start_response):
    name, slash, rest = environ["PATH_INFO"][1:].partition("/")
    environ.update(SCRIPT_NAME="/" + name, PATH_INFO=slash + rest)
    return PAGES[name](environ, start_response)
"""


@dataclass(frozen=True)
class Mixture:
    """A row: the page that eight connections ask for while one client is on the heavy page."""

    key: str
    page: str
    path: str
    body_bytes: int
    #: Requests come at peers_rows.OPEN_RATE a second, whatever becomes of those before them.
    paced: bool = False

    @property
    def title(self) -> str:
        """What the table is called."""
        return f"{self.page} beside a page that computes"

    @property
    def clients(self) -> str:
        """Who asks for the page."""
        return f"{peers_rows.OPEN_RATE} requests a second" if self.paced else "Eight connections"

    @property
    def headings(self) -> tuple[str, ...]:
        """Of the table's columns."""
        return (self.title, f"{self.page}/s", f"{self.page} p50 ms", f"{self.page} p99 ms", "p99 x Brine's", "heavy pages/s",
                "heavy p50 ms", "heavy p99 ms", "failed")

    @property
    def scripts(self) -> list[str]:
        """The names of those that serve both pages."""
        return [path.split("/")[1] for path in (self.path, HEAVY)]


MIXTURES = (Mixture("mixed", "hello", "/hello", 12),
            Mixture("mixed-paced", "paced hello", "/hello", 12, paced=True),
            Mixture("mixed-django", "Django", "/django_view/page/World", rows.PAGE_BYTES))


@dataclass(frozen=True)
class Proxied(Kind):
    """httpd before gunicorn's Unix socket."""

    def config(self, work: Work, port: int, group: str, threads: int, daemon: str) -> str:
        return common_lines(work, self.name, port, threads) + peers.proxy_lines("http", self.place(work).socket)

    def place(self, work: Work, processes: int = 1) -> peers.Place:
        """Where gunicorn is, and with how much."""
        return peers.Place(work, self.name, 0, work.apps / f"{self.name}.wsgi", processes, THREADS, {})


@dataclass
class MixedResult:
    """Raw numbers: for each round a dict by (server's name, processes)."""

    mixture: Mixture
    rounds: list[dict[tuple[str, int], dict]] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)

    def figure(self, key: tuple[str, int], name: str) -> float:
        """The median over the rounds."""
        return statistics.median(rnd[key][name] for rnd in self.rounds)

    def share(self, key: tuple[str, int], other: tuple[str, int], name: str) -> float:
        """The median of the rounds' ratios; NaN where the other was not measured."""
        ratios = [rnd[key][name] / rnd[other][name] for rnd in self.rounds if other in rnd and rnd[other][name]]
        return statistics.median(ratios) if ratios else math.nan

    def cells(self) -> list[tuple[str, ...]]:
        """The lines of the table."""
        lines = []
        for key in self.rounds[0] if self.rounds else ():
            name, processes = key
            brine = (rows.server("brine", rows.DAEMON), processes)
            lines.append((f"{self.titles[name]}, {processes} x {THREADS} threads", f"{self.figure(key, 'rate'):,.0f}",
                          f"{self.figure(key, 'p50') / 1000:.2f}", f"{self.figure(key, 'p99') / 1000:.2f}",
                          f"{self.share(key, brine, 'p99'):.2f}", f"{self.figure(key, 'heavy_rate'):.2f}",
                          f"{self.figure(key, 'heavy_p50') * 1000:,.0f}",
                          f"{self.figure(key, 'heavy_p99') * 1000:,.0f}",
                          str(sum(rnd[key]["failed"] for rnd in self.rounds))))
        return lines

    def as_json(self) -> dict:
        """The raw numbers."""
        return {"key": self.mixture.key,
                "rounds": [{f"{name} x {processes}": sample for (name, processes), sample in rnd.items()}
                           for rnd in self.rounds]}


class HeavyClient:
    """One client that asks for the heavy page again and again while the block runs."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.times: list[float] = []
        self.failed = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.over.is_set():
            begin = time.monotonic()
            status, _, body = self.server.get(HEAVY)
            self.times.append(time.monotonic() - begin)
            self.failed += status != 200 or len(body) != BODY_BYTES[HEAVY]

    def __enter__(self) -> HeavyClient:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def figures(self) -> dict:
        """Pages a second, and how long one takes."""
        times = sorted(self.times)
        return {"heavy_rate": len(times) / sum(times), "heavy_p50": statistics.median(times),
                "heavy_p99": times[math.ceil(len(times) * 0.99) - 1], "heavy_pages": len(times)}


@contextlib.contextmanager
def gunicorn(place: peers.Place, scripts: list[str]) -> Iterator[None]:
    """gunicorn's gthread, started as it is among the peers, with both pages in one application."""
    place.script.write_text(DISPATCHER.format(apps=place.work.apps, names=scripts))
    process = peers.spawn_back(peers.gunicorn_back("gthread"), place)
    try:
        end = time.monotonic() + peers.START_SECONDS
        while not place.socket.exists():
            if time.monotonic() > end or process.poll() is not None:
                raise ServerError("gunicorn does not start")
            time.sleep(0.05)
        yield
    finally:
        servers.end(process)


def started(stack: contextlib.ExitStack, kind: Kind, work: Work, mixture: Mixture, processes: int) -> Server:
    """A fresh server of that kind, which has answered both pages."""
    named = replace(kind, name=f"{kind.name}-{processes}")
    if isinstance(named, Proxied):
        stack.enter_context(gunicorn(named.place(work, processes), mixture.scripts))
    server = stack.enter_context(Server(named, work, daemon=f"processes={processes} threads={THREADS}"))
    for path, size in {**BODY_BYTES, mixture.path: mixture.body_bytes}.items():
        status, _, body = server.get(path)
        if status != 200 or len(body) != size:
            raise ServerError(f"{named.name} answers {path} with status {status}; its log ends:\n{server.reason()}")
    return server


def one_round(server: Server, mixture: Mixture, seconds: float, folder: pathlib.Path) -> dict:
    """Others at their page while one client is on the heavy page."""
    url = server.url(mixture.path)
    with HeavyClient(server) as client:
        sample = paced(url, seconds, folder) if mixture.paced else load.run(url, LOAD, seconds).as_dict()
    return {**sample, **client.figures(), "failed": sample["failed"] + client.failed}


def paced(url: str, seconds: float, folder: pathlib.Path) -> dict:
    """The figures of an open loop, in the units of a closed one's."""
    times = peers_rows.open_times(url, math.ceil(seconds), folder)
    answered = [time for time in times if time != math.inf]
    return {"rate": peers_rows.OPEN_RATE * len(answered) / max(1, len(times)), "failed": len(times) - len(answered),
            **{f"p{percent}": peers_rows.percentile(times, percent) * 1000 for percent in (50, 99)}}


def kinds_of(kinds: list[Kind]) -> list[Kind]:
    """The servers that take part, as far as they are there."""
    daemons = [kind for kind in kinds if kind.mode == rows.DAEMON]
    if shutil.which(GUNICORN):
        daemons.append(Proxied(GUNICORN, "gunicorn gthread behind httpd", pathlib.Path(), rows.DAEMON))
    return daemons


def measure(mixture: Mixture, kinds: list[Kind], work: Work, rounds: int, seconds: float) -> MixedResult:
    """Interleaved rounds of all. Throws ServerError where one answers wrongly."""
    result = MixedResult(mixture)
    with contextlib.ExitStack() as stack:
        running = {}
        for processes in PROCESSES:
            for kind in kinds_of(kinds):
                result.titles[kind.name] = kind.title
                running[kind.name, processes] = started(stack, kind, work, mixture, processes)
        for server in running.values():
            load.run(server.url(mixture.path), LOAD, 1)
        for _ in range(rounds):
            result.rounds.append({key: one_round(server, mixture, seconds, work.folder)
                                  for key, server in running.items()})
    return result
