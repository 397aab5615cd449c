"""Eight processes of Django's admin site: what they take of memory and time, with and without preload."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import load
import procfs
import rows
from load import Load, Sample
from servers import GROUP, Kind, Server, ServerError, Work

KEY = "preload"
TITLE = "eight processes of Django's admin site"
PROCESSES, THREADS = 8, 5
MOUNT = "/admin-site"
PAGE = f"{MOUNT}/admin/login/"
#: Enough requests that each thread has served some.
CLIENTS = Load(connections=PROCESSES * THREADS)
FEW = Load(connections=4)
HEADINGS = (TITLE, "PSS MiB", "x without", "all serve, s", "crash, ms", "pause, ms", "p99, ms", "p99 x quiet", "failed")


@dataclass(frozen=True)
class Way:
    """One of the compared daemon groups."""

    key: str
    title: str
    family: str
    options: str = ""
    reloading: str = "On"


WAYS = (Way("mod_wsgi", "mod_wsgi", "mod_wsgi"),
        Way("without", "Brine", "brine"),
        Way("preload", "Brine, preload=On", "brine", " preload=On"),
        Way("warm", "Brine, preload=On warm-up=", "brine", f" preload=On warm-up={PAGE}"),
        Way("rolling", "Brine, likewise, WSGIScriptReloading Rolling", "brine", f" preload=On warm-up={PAGE}",
            "Rolling"))


@dataclass
class PreloadResult:
    """Raw numbers: {the way's key: {figure: value}}. Times are in seconds, those of requests in microseconds.
    p99 is None where the load did not see the end of the deployment."""

    figures: dict[str, dict[str, float | None]] = field(default_factory=dict)

    def cells(self) -> list[tuple[str, ...]]:
        """The lines of the table."""
        lines = []
        without = self.figures.get("without", {}).get("pss")
        for way in WAYS:
            if (seen := self.figures.get(way.key)) is None:
                continue
            lines.append((way.title, f"{seen['pss'] / 1024:.0f}", f"{seen['pss'] / without:.2f}" if without else "-",
                          f"{seen['all_serve']:.1f}", f"{seen['crash'] * 1000:.0f}", f"{seen['pause'] / 1000:.0f}",
                          "-" if seen["p99"] is None else f"{seen['p99'] / 1000:.1f}",
                          f"{seen['p99'] / seen['quiet_p99']:.2f}" if seen["p99"] and seen["quiet_p99"] else "-",
                          f"{seen['failed']:.0f}"))
        return lines

    def as_json(self) -> dict:
        """The raw numbers."""
        return {"key": KEY, "ways": self.figures}


def sites(ways: Iterable[Way], kinds: list[Kind], work: Work, prefix: str) -> Iterator[tuple[Way, Kind, pathlib.Path]]:
    """The ways whose server is there, with it and a script of their own, which a deployment may replace."""
    for way in ways:
        kind = next((kind for kind in kinds if kind.name == rows.server(way.family, rows.DAEMON)), None)
        if kind is None:
            continue
        script = work.apps / f"{prefix}-{way.key}.wsgi"
        shutil.copy(work.apps / "django_admin.wsgi", script)
        yield way, kind, script


def measure(kinds: list[Kind], work: Work, seconds: float) -> PreloadResult:
    """One server after the other. Throws ServerError where one answers wrongly."""
    result = PreloadResult()
    for way, kind, script in sites(WAYS, kinds, work, KEY):
        with serving(kind, work, way, script, PROCESSES) as (server, began):
            result.figures[way.key] = together(server, work, script, began, seconds)
        with serving(kind, work, way, script, 1) as (server, _):
            result.figures[way.key]["crash"] = statistics.median(after_crash(server, work) for _ in range(5))
    return result


@contextmanager
def serving(kind: Kind, work: Work, way: Way, script: pathlib.Path, processes: int) -> Iterator[tuple[Server, float]]:
    """The server, and when it was started."""
    options = f"processes={processes} threads={THREADS}"
    # mod_wsgi loads the script at the start, as Brine does, since its line names both groups.
    further = f'WSGIScriptReloading {way.reloading}\n' if kind.name.startswith("brine") else ""
    further += f'WSGIScriptAlias {MOUNT} "{script}" process-group={GROUP} application-group=%{{GLOBAL}}\n'
    began = time.monotonic()
    with Server(kind, work, daemon=options + way.options, further=further) as server:
        until(lambda: server.get(PAGE)[0] == 200, f"{kind.title} serves {PAGE}")
        yield server, began


def together(server: Server, work: Work, script: pathlib.Path, began: float, seconds: float) -> dict[str, float | None]:
    """The figures of all processes."""
    processes_of(server, work)
    figures: dict[str, float | None] = {"all_serve": time.monotonic() - began}
    load.run(server.url(PAGE), CLIENTS, seconds)
    figures["pss"] = procfs.memory_kib(server.pid)["pss"]
    return {**figures, **deploy(server, script, seconds)}


def processes_of(server: Server, work: Work) -> set[int]:
    """The processes of the group, when all of them serve."""
    with held(server, work, PROCESSES * THREADS) as pids:
        until(lambda: len(pids()) >= PROCESSES, "all processes serve")
        return pids()


def deploy(server: Server, script: pathlib.Path, seconds: float) -> dict[str, float | None]:
    """The figures of one deployment, and of as long a time without, with the same clients."""
    running = load.start(server.url(PAGE), FEW, seconds * 2)
    _, refused = watch(server, running)
    quiet = load.finish(running)
    running = load.start(server.url(PAGE), FEW, seconds * 2)
    time.sleep(seconds / 2)
    changed = script.with_suffix(".new")
    changed.write_text(script.read_text() + "# of another release\n")
    changed.replace(script)
    waited, refused_then = watch(server, running)
    return deployment(quiet, load.finish(running), waited, refused + refused_then)


def watch(server: Server, running: subprocess.Popen) -> tuple[float, int]:
    """One client more, while the load runs and until its last answer: the longest request in us, and how many failed.
    wrk does not count the requests that it still waits for when its time is over."""
    longest, failed = 0.0, 0
    while running.poll() is None:
        asked = time.monotonic()
        failed += server.get(PAGE)[0] != 200
        longest = max(longest, (time.monotonic() - asked) * 1e6)
        time.sleep(0.02)
    return longest, failed


def deployment(quiet: Sample, deployed: Sample, waited: float, refused: int) -> dict[str, float | None]:
    """The figures of a deployment. The load's p99 is worth nothing if the load was over before the pause was."""
    return {"quiet_p99": quiet.p99, "quiet_slowest": quiet.slowest, "pause": max(deployed.slowest, waited),
            "p99": deployed.p99 if waited <= 2 * deployed.slowest else None,
            "failed": quiet.failed + deployed.failed + refused}


def after_crash(server: Server, work: Work) -> float:
    """How long the request takes that follows the death of the group's only process."""
    with held(server, work, 1) as pids:
        until(lambda: pids(), "the process serves")
        pid, = pids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), "the process is dead")
    begun = time.monotonic()
    until(lambda: server.get(PAGE)[0] == 200, "the site serves again")
    return time.monotonic() - begun


def alive(pid: int) -> bool:
    """Whether the process runs."""
    try:
        return procfs.stat_fields(pid)[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def held(server: Server, work: Work, requests: int) -> Iterator[Callable[[], set[int]]]:
    """So many requests at once, that each wait in a thread; a function that tells in which processes they are."""
    folder = work.folder / "held"
    folder.mkdir()
    folder.chmod(0o777)
    threads = [threading.Thread(target=quietly, args=(server, f"{MOUNT}/held?{folder}")) for _ in range(requests)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: {int(path.name) for path in folder.iterdir() if re.fullmatch(r"\d+", path.name)}
    finally:
        (folder / "go").touch()
        for thread in threads:
            thread.join()
        shutil.rmtree(folder)


def quietly(server: Server, path: str) -> None:
    """A request whose answer does not matter."""
    with suppress(OSError):
        server.get(path)


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Waits. Throws ServerError when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ServerError(f"it was waited in vain until {what}")
        time.sleep(0.002)
