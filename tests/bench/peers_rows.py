"""What the peers are asked, and how it is measured: each way gives figures, one value of each in a round."""

from __future__ import annotations

import contextlib
import math
import pathlib
import shutil
import socket
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator

import load
import peers
import rows
from load import Load
from peers import Peer, Running
from servers import ServerError, Work

DJANGO = "/page/World"
#: Of the row of slow clients: how many, the body that each sends, a piece of it, and the seconds between pieces.
SLOW, SLOW_BODY, SLOW_PIECE, SLOW_PAUSE = 100, 32 * 1024, 64, 0.2
#: Requests a second of the open loop. Each client asks once a second, so that a pause below a second delays nobody's next.
OPEN_RATE = 100
#: A deployment begins so many seconds after its load, which goes on so many after it; and may take so many in all.
DEPLOY_LEAD, DEPLOY_REST, DEPLOY_MOST = 1, 3, 15


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    title: str
    unit: str  #: a format for the value, as "{:,.0f} ms"
    more: bool = False  #: whether more is better
    none: str = "-"  #: what a value that is not there means

    def text(self, value: float) -> str:
        """The value as the table has it."""
        return self.none if math.isnan(value) else self.unit.format(value)


@dataclass(frozen=True)
class PeerRow:
    """A question to all peers."""

    key: str
    script: str
    figures: tuple[Figure, ...]
    how: str = "load"
    path: str = "/"
    reply_bytes: int = 12
    load: Load = field(default_factory=Load)
    processes: int = 2
    threads: int = 5
    special: bool = False  #: whether the special peers take part


def rate(key: str, title: str) -> tuple[Figure, ...]:
    """The figure of a row of plain load."""
    return (Figure(key, title, "{:,.0f}/s", more=True),)


ROWS = (
    PeerRow("hello", "hello", rate("hello", "hello world")),
    PeerRow("django", "django_view", rate("django", "Django page"), path=DJANGO, reply_bytes=rows.PAGE_BYTES),
    PeerRow("flask", "flask_view", rate("flask", "Flask page"), path=DJANGO, reply_bytes=rows.PAGE_BYTES),
    PeerRow("download", "download", rate("download", "1 MiB down"), reply_bytes=rows.MIB),
    PeerRow("upload", "upload", rate("upload", "256 KiB up"), reply_bytes=6,
            load=Load(method="POST", body_bytes=256 * 1024)),
    PeerRow("file", "file", rate("file", "file of 10 MiB"), reply_bytes=10 * rows.MIB),
    PeerRow("open", "django_view", (
        Figure("open-p50", f"Django page, {OPEN_RATE} a second: p50", "{:.1f} ms"),
        Figure("open-p99", f"Django page, {OPEN_RATE} a second: p99", "{:.1f} ms")),
        how="open", path=DJANGO, reply_bytes=rows.PAGE_BYTES),
    PeerRow("slow", "upload", (
        Figure("slow-rate", f"{SLOW} slow clients: requests of others", "{:,.0f}/s", more=True),
        Figure("slow-p99", f"{SLOW} slow clients: p99 of others", "{:,.1f} ms", none="no answer")),
        how="slow", reply_bytes=1, load=Load(connections=4)),
    PeerRow("deploy", "version", (
        Figure("deploy-failed", "deployment under load: failed requests", "{:,.0f}"),
        Figure("deploy-pause", "deployment under load: longest pause", "{:,.0f} ms", none="not done"),
        Figure("deploy-p99", "deployment under load: p99", "{:,.0f} ms"),
        Figure("deploy-seconds", "deployment under load: until all is new", "{:.1f} s", none="not done")),
        how="deploy", path=DJANGO, reply_bytes=rows.PAGE_BYTES, load=Load(connections=4, close=True), special=True),
    PeerRow("four", "django_view", (
        Figure("four-memory", "Django, 4 processes: memory (PSS)", "{:,.0f} MiB"),
        Figure("four-start", "Django, 4 processes: start to the first page", "{:.2f} s")),
        how="alone", path=DJANGO, reply_bytes=rows.PAGE_BYTES, processes=4, special=True),
)
FIGURES = {figure.key: figure for row in ROWS for figure in row.figures}


@dataclass(frozen=True)
class PeerPlan:
    """How much is measured. Plain load has twice as many rounds, since each is short and noise is long."""

    rounds: int = 2
    seconds: int = 1


@dataclass
class PeerResult:
    """A row's values: figure -> peer -> one for each round; and why a peer has none."""

    row: PeerRow
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)  #: of plain load, where none may fail
    broken: dict[str, str] = field(default_factory=dict)

    def add(self, which: str, **values: float) -> None:
        """One round's values of a peer."""
        for figure in self.row.figures:
            self.values.setdefault(figure.key, {}).setdefault(which, []).append(
                values[figure.key.removeprefix(f"{self.row.key}-")])

    def value(self, figure: str, which: str) -> float:
        """The median of a peer's rounds; NaN where it has no answer in most of them, or no rounds."""
        seen = self.values.get(figure, {}).get(which, [])
        numbers = [value for value in seen if not math.isnan(value)]
        return statistics.median(numbers) if numbers and 2 * len(numbers) > len(seen) else math.nan


def check(server: Running, row: PeerRow) -> None:
    """One request, which must be answered as the row promises."""
    body = b"x" * row.load.body_bytes if row.load.method == "POST" else None
    status, _, answer = server.get(row.path, body)
    if (status, len(answer)) != (200, row.reply_bytes):
        raise ServerError(f"{server.peer.title} answers {row.key} with status {status} and {len(answer)} bytes "
                          f"instead of 200 and {row.reply_bytes}: {server.reason()}")


def run_load(server: Running, row: PeerRow, plan: PeerPlan, result: PeerResult) -> None:
    """Requests a second in a closed loop."""
    sample = load.run(server.url(row.path), row.load, plan.seconds)
    result.failed[server.peer.key] = result.failed.get(server.peer.key, 0) + sample.failed
    result.add(server.peer.key, **{row.key: sample.rate})


def open_command(url: str, seconds: int, log: pathlib.Path) -> list[str]:
    """h2load's command line: a client more at each 1 / OPEN_RATE, and each asks once a second from then on."""
    h2load = shutil.which("h2load")
    if not h2load:
        raise load.LoadError("h2load is needed (Debian: apt-get install nghttp2-client)")
    return [h2load, "--h1", "-t1", f"-c{OPEN_RATE}", "-r1", f"--rate-period={1000 // OPEN_RATE}ms",
            f"-n{OPEN_RATE * (seconds + 1)}", "--rps=1", f"--log-file={log}", url]


def read_open_log(text: str) -> list[float]:
    """Latencies in ms of h2load's log, from its second second on; a request that failed has none and is infinite."""
    lines = [line.split("\t") for line in text.splitlines()]
    if not lines:
        return []
    first = min(int(line[0]) for line in lines)
    return [int(line[2]) / 1000 if line[1].startswith("2") else math.inf
            for line in lines if int(line[0]) - first >= 1_000_000]


def percentile(values: list[float], percent: float) -> float:
    """The value that so many percent do not exceed; NaN of none."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else math.nan


def open_times(url: str, seconds: int, folder: pathlib.Path) -> list[float]:
    """Latencies in ms of requests that come at their own pace, and not when an answer has come."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    done = subprocess.run(open_command(url, seconds + 1, log), capture_output=True, text=True,
                          timeout=10 * seconds + 70, check=False)
    if done.returncode or not log.exists():
        raise load.LoadError(f"h2load failed: {done.stderr.strip() or done.stdout.strip()[-500:]}")
    return read_open_log(log.read_text())


def run_open(server: Running, row: PeerRow, plan: PeerPlan, result: PeerResult) -> None:
    """Latency in an open loop."""
    times = open_times(server.url(row.path), plan.seconds, server.place.work.folder)
    result.add(server.peer.key, p50=percentile(times, 50), p99=percentile(times, 99))


@contextlib.contextmanager
def trickling(server: Running) -> Iterator[None]:
    """SLOW clients, each of which sends the body of a form bit by bit."""
    head = (f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {SLOW_BODY}\r\n\r\n").encode()
    clients = [socket.create_connection(("127.0.0.1", server.place.port), 10) for _ in range(SLOW)]
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(SLOW_PAUSE):
            for client in clients:
                with contextlib.suppress(OSError):  # it was answered, or refused
                    client.send(b"x" * SLOW_PIECE)

    for client in clients:
        client.send(head + b"x" * SLOW_PIECE)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        time.sleep(2 * SLOW_PAUSE)
        yield
    finally:
        stop.set()
        sender.join()
        for client in clients:
            client.close()


def run_slow(server: Running, row: PeerRow, plan: PeerPlan, result: PeerResult) -> None:
    """What others get meanwhile; their requests are short."""
    with trickling(server):
        sample = load.run(server.url(row.path), row.load, plan.seconds)
    result.add(server.peer.key, rate=sample.rate, p99=sample.p99 / 1000 if sample.requests else math.nan)
    end = time.monotonic() + 20
    while server.get(row.path, seconds=5)[0] != 200 and time.monotonic() < end:  # the slow ones have gone
        time.sleep(0.05)


@dataclass
class Watch:
    """What a client sees that asks again and again while a new version is put in place."""

    good: float  #: when the last good answer came, or the watch began
    pause: float = 0.0  #: the longest request, or time from a good answer over failed ones to the next
    new: float = 0.0  #: when the first answer of the new version came, after which no other did; 0: none
    failing: bool = False

    def saw(self, asked: float, answered: float, good: bool, new: bool) -> None:
        """Takes an answer in."""
        if good:
            self.pause = max(self.pause, answered - (self.good if self.failing else asked))
            self.good = answered
        self.failing = not good
        self.new = (self.new or answered) if good and new else 0.0


def run_deploy(server: Running, row: PeerRow, plan: PeerPlan, result: PeerResult) -> None:
    """A new version under load. One client more asks until all is new: wrk does not count what it still waits for."""
    client = load.start(server.url(row.path), row.load, DEPLOY_LEAD + DEPLOY_REST)
    time.sleep(DEPLOY_LEAD)
    began = time.monotonic()
    new, watch = server.deploy(), Watch(began)
    while client.poll() is None or not watch.new and time.monotonic() < began + DEPLOY_MOST:
        asked = time.monotonic()
        status, headers, _ = server.get(row.path, seconds=DEPLOY_MOST)
        watch.saw(asked, time.monotonic(), status == 200, headers.get("x-version") == new)
        time.sleep(0.02)
    sample = load.finish(client)
    told = watch.new and sample.requests
    result.add(server.peer.key, failed=sample.failed,
               pause=max(sample.slowest / 1000, watch.pause * 1000) if told else math.nan,
               p99=sample.p99 / 1000 if told and sample.failed <= sample.requests / 100 else math.nan,
               seconds=watch.new - began if told else math.nan)


def run_alone(server: Running, row: PeerRow, _plan: PeerPlan, result: PeerResult) -> None:
    """From nothing to the first page; and PSS of all processes, when each of them has served."""
    load.run(server.url(row.path), row.load, 1)
    result.add(server.peer.key, start=server.started, memory=server.pss_kib() / 1024)


RUNNERS: dict[str, Callable[[Running, PeerRow, PeerPlan, PeerResult], None]] = {
    "load": run_load, "open": run_open, "slow": run_slow, "deploy": run_deploy, "alone": run_alone}


def measure(row: PeerRow, there: list[Peer], work: Work, modules: dict[str, pathlib.Path], plan: PeerPlan) -> PeerResult:
    """One row: all peers, in turns."""
    result = PeerResult(row)
    part = [each for each in there if row.special or not each.special]
    if row.how == "alone":  # a server of its own in each round, and no other beside it
        for _ in range(plan.rounds):
            for each in part:
                with attempt(each, result), start(each, row, work, modules) as server:
                    RUNNERS[row.how](server, row, plan, result)
        return result
    with contextlib.ExitStack() as stack:
        running = []
        for each in part:
            with attempt(each, result):
                server = stack.enter_context(start(each, row, work, modules))
                check(server, row)
                load.run(server.url(row.path), row.load, 1)
                running.append(server)
        for _ in range(plan.rounds * 2 if row.how == "load" else plan.rounds):
            for server in running:
                with attempt(server.peer, result):
                    RUNNERS[row.how](server, row, plan, result)
    return result


def start(each: Peer, row: PeerRow, work: Work, modules: dict[str, pathlib.Path]) -> Running:
    """The peer, with the row's script."""
    return peers.Running(each, work, row.script, modules, row.processes, row.threads, row.path)


@contextlib.contextmanager
def attempt(each: Peer, result: PeerResult) -> Iterator[None]:
    """What goes wrong with one peer is told in the result, and the others go on."""
    try:
        yield
    except (ServerError, load.LoadError, OSError, subprocess.SubprocessError) as why:
        result.broken[each.key] = str(why)
