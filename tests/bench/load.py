"""The client's side: one run of wrk against one URL."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from dataclasses import asdict, dataclass

SCRIPT = pathlib.Path(__file__).with_name("load.lua")
THREADS = 2


class LoadError(RuntimeError):
    """wrk is missing, or did not run."""


@dataclass(frozen=True)
class Load:
    """What is asked of a server, over and over."""

    method: str = "GET"
    body_bytes: int = 0
    connections: int = 16
    close: bool = False  #: a new connection for every request
    headers: tuple[tuple[str, str], ...] = ()  #: further header fields
    new: bool = False  #: each request has a URL, Host, cookie and field names that none had before


@dataclass(frozen=True)
class Sample:
    """What wrk saw in one run; times in microseconds."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    slowest: float
    errors: dict[str, int]

    @property
    def failed(self) -> int:
        """Requests that were not answered, or not with a 2xx or 3xx status."""
        return sum(self.errors.values())

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict:
        """The figures for the JSON report."""
        return {**asdict(self), "rate": round(self.rate, 1), "failed": self.failed}


def command(url: str, load: Load, seconds: float) -> list[str]:
    """The wrk command line; wrk counts whole seconds only."""
    wrk = shutil.which("wrk")
    if not wrk:
        raise LoadError("wrk is needed (Debian: apt-get install wrk)")
    return [wrk, f"-t{min(THREADS, load.connections)}", f"-c{load.connections}",
            f"-d{max(1, round(seconds))}s",
            "--timeout", "10s", "--latency", "-s", str(SCRIPT), url, "--",
            load.method, str(load.body_bytes), str(int(load.close)), str(int(load.new)),
            *(f"{name}: {value}" for name, value in load.headers)]


def parse(output: str) -> Sample:
    """Reads the line that load.lua prints."""
    for line in output.splitlines():
        if line.startswith("BENCH "):
            seen = json.loads(line.removeprefix("BENCH "))
            kinds = ("connect", "read", "write", "status", "timeout")
            return Sample(seen["requests"], seen["microseconds"] / 1e6, seen["p50"], seen["p95"],
                          seen["p99"], seen["max"], {kind: seen[kind] for kind in kinds})
    raise LoadError(f"wrk printed no result:\n{output}")


def run(url: str, load: Load, seconds: float) -> Sample:
    """Loads `url` for `seconds` and answers what was seen."""
    done = subprocess.run(command(url, load, seconds), capture_output=True, text=True,
                          timeout=seconds + 60, check=False)
    if done.returncode:
        raise LoadError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return parse(done.stdout)


def start(url: str, load: Load, seconds: float) -> subprocess.Popen:
    """The same in the background; `finish` waits for it."""
    return subprocess.Popen(command(url, load, seconds), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> Sample:
    """Waits for a load that `start` began."""
    output, errors = process.communicate(timeout=600)
    if process.returncode:
        raise LoadError(f"wrk failed: {errors.strip()}")
    return parse(output)
