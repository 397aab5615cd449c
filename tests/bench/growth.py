"""The row many-sites: what one httpd costs with more and more virtual hosts and daemon groups.

Each size has a fifth as many groups as hosts, each group one process of one thread. The same hosts without a module of ours
tell what is httpd's own.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import os
import pathlib
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable

import peer
import procfs
import servers
from servers import ServerError, Work

KEY, TITLE = "many-sites", "virtual hosts and daemon groups"
SIZES = (100, 250, 500, 1000)
QUICK_SIZES = (50, 100)
HOSTS_A_GROUP = 5
SECONDS = 300.0  #: for each of them to answer
PAGE = "site.html"  #: what is asked of each host
HOST = """\
<VirtualHost 127.0.0.1:{port}>
    ServerName site{number}.example
    ServerAlias www.site{number}.example
    DocumentRoot "{folder}/htdocs"
{lines}</VirtualHost>
"""
SCRIPT = """\
    WSGIScriptAlias / "{apps}/hello.wsgi" process-group=group{group} application-group=%{{GLOBAL}}
    <Directory "{apps}">
        Require all granted
    </Directory>
"""


@dataclass(frozen=True)
class Measure:
    """A line of the table: what grows, and in what unit."""

    key: str
    title: str
    unit: str


MEASURES = (
    Measure("check", "`httpd -t`", "{:.2f} s"),
    Measure("start", "start to the first page", "{:.2f} s"),
    Measure("all", "start until each group has answered", "{:.2f} s"),
    Measure("graceful", "graceful restart until a new process answers", "{:.2f} s"),
    Measure("graceful_all", "graceful restart until each group has answered from a new process", "{:.2f} s"),
    Measure("child", "memory (PSS) of httpd's child", "{:.1f} MiB"),
    Measure("supervisor", "memory (PSS) of the supervisor", "{:.1f} MiB"),
    Measure("process", "memory (PSS) of a daemon process", "{:.1f} MiB"),
    Measure("descriptors_first", "descriptors of httpd's first process", "{:,.0f}"),
    Measure("descriptors_child", "descriptors of httpd's child", "{:,.0f}"),
    Measure("descriptors_supervisor", "descriptors of the supervisor", "{:,.0f}"),
    Measure("alone_start", "httpd without Brine: start", "{:.2f} s"),
    Measure("alone_graceful", "httpd without Brine: graceful restart", "{:.2f} s"),
    Measure("alone_child", "httpd without Brine: memory (PSS) of a child", "{:.1f} MiB"),
)


@dataclass
class Growth:
    """Values by size: hosts -> measure -> value."""

    sizes: dict[int, dict[str, float]] = field(default_factory=dict)

    def table(self) -> list[list[str]]:
        """A line for each measure, a column for each size, and how much of it each host more costs."""
        return [[measure.title, *(measure.unit.format(values[measure.key]) for values in self.sizes.values()),
                 f"{self.exponent(measure.key):.2f}"] for measure in MEASURES]

    def headings(self) -> list[str]:
        """Hosts and groups of each column."""
        return ["hosts / groups", *(f"{hosts:,} / {hosts // HOSTS_A_GROUP}" for hosts in self.sizes), "exponent"]

    def exponent(self, key: str) -> float:
        """x of `value ~ hosts ** x` between the smallest and the largest size: 1 is linear, 2 quadratic, 0 flat."""
        (few, first), (many, last) = min(self.sizes.items()), max(self.sizes.items())
        if few == many or first[key] <= 0 or last[key] <= 0:
            return math.nan
        return math.log(last[key] / first[key]) / math.log(many / few)


class Sites:
    """An httpd with that many hosts; with Brine's module, or without any."""

    def __init__(self, work: Work, hosts: int, module: pathlib.Path | None) -> None:
        self.port, self.hosts = servers.free_port(), hosts
        name = f"sites-{hosts}{'' if module else '-alone'}"
        self.log = work.folder / f"{name}.log"
        self.groups = hosts // HOSTS_A_GROUP
        lines = servers.common_lines(work, name, self.port, 64, limit=8)
        if module:
            lines += f'LoadModule wsgi_module "{module}"\n' + "".join(
                f"WSGIDaemonProcess group{group} processes=1 threads=1\n" for group in range(self.groups))
        for number in range(hosts):
            script = SCRIPT.format(apps=work.apps, group=number % self.groups) if module else ""
            lines += HOST.format(port=self.port, number=number, folder=work.folder, lines=script)
        self.config = work.folder / f"{name}.conf"
        self.config.write_text(lines)
        # The httpd without a module serves it; with Brine the script answers each path.
        (work.folder / "htdocs" / PAGE).write_text("Hello World!")
        self.process: subprocess.Popen | None = None

    def check(self) -> float:
        """Seconds that httpd takes to read the configuration."""
        began = time.monotonic()
        subprocess.run([peer.httpd(), "-f", str(self.config), "-t"], check=True, capture_output=True)
        return time.monotonic() - began

    def __enter__(self) -> Sites:
        self.process = servers.spawn([peer.httpd(), "-f", str(self.config), "-DFOREGROUND"])
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            servers.end(self.process)

    @property
    def pid(self) -> int:
        """httpd's first process."""
        assert self.process
        return self.process.pid

    def ask(self, number: int) -> bool:
        """Whether a host answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            try:
                connection.request("GET", f"/{PAGE}", headers={"Host": f"site{number}.example", "Connection": "close"})
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    def until(self, what: Callable[[], bool]) -> float:
        """Seconds until this holds."""
        began = time.monotonic()
        while not what():
            if time.monotonic() > began + SECONDS or (self.process and self.process.poll() is not None):
                lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
                raise ServerError("\n".join([f"{self.hosts} hosts: httpd does not answer", *lines[-5:]]))
            time.sleep(0.01)
        return time.monotonic() - began

    def each_group(self) -> bool:
        """Whether each group answers; the first host of each is asked."""
        return all(self.ask(number) for number in range(self.groups))

    def listens(self) -> bool:
        """Whether httpd accepts connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def restart(self) -> float:
        """Seconds of a graceful restart, until the children of before have gone and a page comes."""
        assert self.process
        before = procfs.births(self.pid)
        before.pop(self.pid)
        self.process.send_signal(signal.SIGUSR1)
        return self.until(lambda: not procfs.left(before) and self.ask(0))


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def family(first: int) -> tuple[int, int, list[int]]:
    """(a child of httpd that serves, the supervisor, the daemon processes)."""
    tree = procfs.tree(first)
    parents = {pid: int(procfs.stat_fields(pid)[1]) for pid in tree}
    children = [pid for pid in tree if parents[pid] == first]
    supervisor = max(children, key=lambda pid: sum(parent == pid for parent in parents.values()))
    daemons = [pid for pid in tree if parents[pid] == supervisor]
    return next(pid for pid in children if pid != supervisor), supervisor, daemons


def own_pss(pid: int) -> float:
    """MiB of one process."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return math.nan


def measure_size(work: Work, module: pathlib.Path, hosts: int) -> dict[str, float]:
    """All measures of one size."""
    seen: dict[str, float] = {}
    sites = Sites(work, hosts, module)
    seen["check"] = sites.check()
    with sites:
        seen["start"] = sites.until(lambda: sites.ask(0))
        seen["all"] = seen["start"] + sites.until(sites.each_group)
        child, supervisor, daemons = family(sites.pid)
        seen["child"], seen["supervisor"] = own_pss(child), own_pss(supervisor)
        seen["process"] = sum(map(own_pss, daemons)) / len(daemons)
        for name, pid in (("first", sites.pid), ("child", child), ("supervisor", supervisor)):
            seen[f"descriptors_{name}"] = descriptors(pid)
        seen["graceful"] = sites.restart()
        seen["graceful_all"] = seen["graceful"] + sites.until(sites.each_group)
    alone = Sites(work, hosts, None)
    with alone:
        seen["alone_start"] = alone.until(lambda: alone.ask(0))
        child = next(pid for pid in procfs.tree(alone.pid) if pid != alone.pid)
        seen["alone_child"] = own_pss(child)
        seen["alone_graceful"] = alone.restart()
    return seen


def measure(work: Work, module: pathlib.Path, sizes: tuple[int, ...], say: Callable[[str], None]) -> Growth:
    """Size after size."""
    growth = Growth()
    for hosts in sizes:
        say(f"{KEY}: {hosts} hosts ...")
        growth.sizes[hosts] = measure_size(work, module, hosts)
    return growth
