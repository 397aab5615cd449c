"""Runs one row: servers up, answers checked, rounds interleaved, figures worked out."""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
import statistics
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Callable

import load
import procfs
import rows
from load import Sample
from rows import Row
from servers import Kind, Server, ServerError, Work

RELOADS = 100
#: Memory is sampled after each of this many equal parts of the requests.
MEMORY_PARTS = 10
#: A busy machine may leave a server without its turn for a second or two.
SILENT_SECONDS = 5
#: Over fewer requests than this, a thread's first one is mistaken for growth.
TELLING_REQUESTS = 50_000
#: A process with one of these mapped has a Python, or could have one at once.
PYTHON_FILES = ("libpython", "brine_engine")
#: The blocked worker is blocked this long before the load, and free again so long before its end:
#: wrk does not count a request that has no answer yet, so one that waits there must get it.
BLOCK_LEAD = 0.2
BLOCK_REST = 0.5


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 3.0
    warm_up: float = 1.0
    requests: int = 200_000  #: of the memory row, on each server


@dataclass
class Result:
    """A row's raw numbers: a dict by server's name for each round, and once-only facts."""

    row: Row
    modes: tuple[str, ...] = rows.MODES  #: in which it was measured
    rounds: list[dict[str, dict]] = field(default_factory=list)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)
    facts: dict[str, dict] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)  #: server -> why it has no figures

    def failed(self, name: str) -> int:
        """Failed requests of one server over all rounds."""
        return sum(rnd[name]["failed"] for rnd in self.rounds if name in rnd)

    def figure(self, name: str, key: str) -> float:
        """The median over the rounds of one server's number; NaN where there is none."""
        return median(rnd[name][key] for rnd in self.rounds
                      if name in rnd and rnd[name].get(key) is not None)

    def growth(self, name: str) -> float:
        """Bytes of private memory a request of the memory row; NaN where that was not measured."""
        bytes_a_request = self.facts.get(name, {}).get("growth")
        return math.nan if bytes_a_request is None else bytes_a_request

    def ratio(self, over: str, under: str, key: str) -> float:
        """The median of the rounds' own ratios: neighbours in time share the machine's noise."""
        return median(rnd[over][key] / rnd[under][key] for rnd in self.rounds
                      if over in rnd and under in rnd and rnd[under][key])


def median(values) -> float:
    """statistics.median, or NaN for no values."""
    values = list(values)
    return statistics.median(values) if values else math.nan


def path_on(server: Server, row: Row) -> str:
    """The row's path on this server."""
    return row.floor if server.kind.name == "floor" else row.path


def check(server: Server, row: Row) -> None:
    """One request: the answer must be the one that the row promises."""
    data = b"x" * row.load.body_bytes if row.load.method == "POST" else None
    status, _, body = server.get(path_on(server, row), data)
    if status != 200 or len(body) != row.reply_bytes:
        raise ServerError(f"{server.kind.title} answers {row.key} with status {status} and "
                          f"{len(body)} bytes instead of 200 and {row.reply_bytes}; its log ends:\n"
                          f"{server.reason()}")


def timed(server: Server, row: Row, seconds: float) -> dict:
    """One run of wrk, with the server's CPU time over it."""
    before = procfs.cpu_microseconds(server.pid)
    sample = load.run(server.url(path_on(server, row)), row.load, seconds)
    spent = procfs.cpu_microseconds(server.pid) - before
    return with_cpu(sample, spent)


def with_cpu(sample: Sample, spent: float) -> dict:
    """The sample as a dict, with CPU microseconds per request."""
    return {**sample.as_dict(), "cpu": round(spent / sample.requests, 2) if sample.requests else 0}


@contextlib.contextmanager
def running(kinds: list[Kind], work: Work, row: Row, result: Result):
    """Fresh servers for a row, each having answered it; one that cannot goes to result.broken."""
    with contextlib.ExitStack() as stack:
        servers = []
        for kind in kinds:
            try:
                server = stack.enter_context(Server(kind, work, row.group,
                                                    daemon=row.daemon))
                check(server, row)
                servers.append(server)
            except (ServerError, OSError) as why:
                result.broken[kind.name] = str(why)
        yield servers


def run_load(servers: list[Server], row: Row, plan: Plan, result: Result) -> None:
    """Rounds A B C D E A B C D E of plain load."""
    for server in servers:
        load.run(server.url(path_on(server, row)), row.load, plan.warm_up)
    for _ in range(plan.rounds):
        result.rounds.append({server.kind.name: timed(server, row, plan.seconds)
                              for server in servers})
    for server in servers:
        result.memory[server.kind.name] = procfs.memory_kib(server.pid)
        result.facts[server.kind.name] = {"pythons": procfs.mapping(server.pid, PYTHON_FILES)}


def replace_script(script: pathlib.Path) -> None:
    """Puts a new file of the same content in the script's place, as editors and deployments do."""
    fresh = script.with_suffix(".new")
    fresh.write_bytes(script.read_bytes())
    fresh.chmod(0o644)
    os.replace(fresh, script)


def reload_while(script: pathlib.Path, seconds: float, stopped: Callable[[], bool]) -> int:
    """Replaces the script RELOADS times, evenly over `seconds`; the number done."""
    begin = time.monotonic()
    for number in range(1, RELOADS + 1):
        wait = begin + number * seconds / (RELOADS + 1) - time.monotonic()
        time.sleep(max(0.0, wait))
        if stopped():
            return number - 1
        replace_script(script)
    return RELOADS


def timed_reloads(server: Server, row: Row, seconds: float, script: pathlib.Path) -> dict:
    """One run of wrk during which the script is replaced RELOADS times."""
    first = server.get(row.path)[1]
    before = procfs.cpu_microseconds(server.pid)
    client = load.start(server.url(row.path), row.load, seconds)
    done: list[int] = []
    changer = threading.Thread(target=lambda: done.append(
        reload_while(script, max(1, round(seconds)), lambda: client.poll() is not None)))
    changer.start()
    sample = load.finish(client)
    changer.join()
    spent = procfs.cpu_microseconds(server.pid) - before
    last = server.get(row.path)[1]
    # A process that takes another's place has counted none of the loads before it.
    loads = int(last["x-loads"]) - int(first["x-loads"]) \
        if last["x-process"] == first["x-process"] else None
    return {**with_cpu(sample, spent), "replaced": done[0], "loads": loads}


def run_reload(servers: list[Server], row: Row, plan: Plan, result: Result) -> None:
    """Rounds of: the C handler; each Python server without reloads, then with them."""
    script = servers[0].log.parent / "apps" / "reload.wsgi"
    for server in servers:
        load.run(server.url(path_on(server, row)), row.load, plan.warm_up)
    for _ in range(plan.rounds):
        rnd = {}
        for server in servers:
            check(server, row)  # loads what the neighbour's round has replaced
            quiet = timed(server, row, plan.seconds)
            if server.kind.name == "floor":
                rnd["floor"] = quiet
                continue
            busy = timed_reloads(server, row, plan.seconds, script)
            rnd[server.kind.name] = {**busy, "quiet": quiet,
                                     "failed": busy["failed"] + quiet["failed"],
                                     "p99_ratio": busy["p99"] / quiet["p99"]}
        result.rounds.append(rnd)


def run_memory(servers: list[Server], row: Row, plan: Plan, result: Result) -> None:
    """Private memory over plan.requests requests, in MEMORY_PARTS steps. A server that does not answer has no figures."""
    for server in servers:
        try:
            memory_steps(server, row, plan, result)
        except (ServerError, load.LoadError, OSError) as why:
            result.broken[server.kind.name] = str(why)


def memory_steps(server: Server, row: Row, plan: Plan, result: Result) -> None:
    """The steps of one server."""
    name, steps, total, failed, silent = server.kind.name, [], 0, 0, 0
    for part in range(1, MEMORY_PARTS + 1):
        while total < part * plan.requests / MEMORY_PARTS:
            sample = load.run(server.url(path_on(server, row)), row.load, 1)
            total += sample.requests
            failed += sample.failed
            silent = 0 if sample.requests else silent + 1
            if silent == SILENT_SECONDS:
                raise ServerError(f"{server.kind.title} answers no requests")
        steps.append({"requests": total, **procfs.memory_kib(server.pid)})
    half = steps[MEMORY_PARTS // 2 - 1]  # by then most threads have had their first request
    grown = (steps[-1]["anonymous"] - half["anonymous"]) * 1024
    seen = steps[-1]["requests"] - half["requests"]
    result.facts[name] = {"steps": steps, "failed": failed,
                          "growth": grown / seen if seen >= TELLING_REQUESTS else None}
    result.memory[name] = procfs.memory_kib(server.pid)


@contextlib.contextmanager
def blocked(server: Server, seconds: float):
    """A worker that is busy for the most part of a load of so many seconds; yields what failed."""
    failed: list[str] = []

    def block() -> None:
        wait = BLOCK_LEAD + max(BLOCK_REST, seconds - BLOCK_REST)
        status = server.get(f"/block?{wait:.2f}")[0]
        if status != 200:
            failed.append(str(status))

    blocker = threading.Thread(target=block)
    blocker.start()
    time.sleep(BLOCK_LEAD)
    try:
        yield failed
    finally:
        blocker.join()


def run_blocked(servers: list[Server], row: Row, plan: Plan, result: Result) -> None:
    """Rounds of: one connection, all workers free; the same with one blocked; many connections."""
    alone = replace(row, load=replace(row.load, connections=1))
    for server in servers:
        load.run(server.url(path_on(server, row)), row.load, plan.warm_up)
    for _ in range(plan.rounds):
        rnd = {}
        for server in servers:
            quiet = timed(server, alone, plan.seconds)
            with blocked(server, plan.seconds) as failed_alone:
                busy = timed(server, alone, plan.seconds)
            with blocked(server, plan.seconds) as failed_crowd:
                crowd = timed(server, row, plan.seconds)
            rnd[server.kind.name] = {
                **busy, "quiet": quiet, "crowd": crowd, "crowd_slowest": crowd["slowest"],
                "failed": quiet["failed"] + busy["failed"] + crowd["failed"] +
                len(failed_alone) + len(failed_crowd),
                "p99_ratio": busy["p99"] / quiet["p99"]}
        result.rounds.append(rnd)


RUNNERS = {"load": run_load, "reload": run_reload, "memory": run_memory, "blocked": run_blocked}


def compared(row: Row, kinds: list[Kind], modes: tuple[str, ...]) -> list[Kind]:
    """The servers that take part in a row; there is nothing to block in the C handler."""
    return [kind for kind in kinds
            if (kind.name == "floor" and row.how != "blocked") or
            (kind.name != "floor" and kind.mode in modes)]


def measure(row: Row, kinds: list[Kind], work: Work, plan: Plan,
            modes: tuple[str, ...] = rows.MODES) -> Result:
    """Measures one row on fresh servers."""
    result = Result(row, tuple(mode for mode in row.modes if mode in modes))
    with running(compared(row, kinds, result.modes), work, row, result) as servers:
        if servers:
            try:
                RUNNERS[row.how](servers, row, plan, result)
            except (ServerError, load.LoadError, OSError) as why:
                result.broken["run"] = str(why)
    return result


def figures(result: Result, mode: str) -> dict[str, float]:
    """Brine's numbers in a mode that goals are set for, by the names that rows.Goal uses."""
    brine, mod_wsgi = rows.server("brine", mode), rows.server("mod_wsgi", mode)
    pss = {name: kib["pss"] for name, kib in result.memory.items()}
    facts = result.facts.get(brine, {})
    return {
        "rate/floor": result.ratio(brine, "floor", "rate"),
        "rate/mod_wsgi": result.ratio(brine, mod_wsgi, "rate"),
        "rate/mod_wsgi embedded": result.ratio(brine, "mod_wsgi", "rate"),
        "p99/floor": result.ratio(brine, "floor", "p99"),
        "pss/mod_wsgi": pss[brine] / pss[mod_wsgi] if {brine, mod_wsgi} <= pss.keys()
        else math.nan,
        "failed": result.failed(brine) + facts.get("failed", 0) if
        (result.rounds and brine in result.rounds[0]) or facts else math.nan,
        "growth": result.growth(brine) - result.growth("floor"),
        "pythons": facts.get("pythons", math.nan),
    }
