"""The commands that operate a site by its name."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from brine.httpd_process import send
from brine.log_file import tail
from brine.private_folder import private_folder
from brine.refusal import Refusal
from brine.sites import reloading
from brine.sites.known import KnownSite, known_site, known_sites
from brine.sites.notify import Listener, listening
from brine.sites.processes import is_alive, processes_of, runner_of
from brine.sites.running import demand_its_own_httpd, run
from brine.sites.writing import program

_TICK_SECONDS = 0.1
_END_SECONDS = 120
_SYSTEMD_RUNS = Path("/run/systemd/system")
"""sd_booted(3)"""


def _systemctl(*words: str) -> list[str]:
    return ["systemctl", *(["--user"] if os.geteuid() else []), *words]


def _is_systemd_s(site: KnownSite) -> bool:
    """Whether systemd knows the site's unit, and so has to be told of its start and its end. A unit of that name may be
    another site's, one that is kept in another folder."""
    if not _SYSTEMD_RUNS.is_dir():
        return False
    asked = subprocess.run(_systemctl("show", "--property=FragmentPath", "--value", site.service), capture_output=True)
    file = os.fsdecode(asked.stdout).strip()
    return bool(file) and Path(file).resolve() == Path(site.unit).resolve()


def _by_systemd(word: str, site: KnownSite) -> int:
    print(f"{site.name}: {' '.join(_systemctl(word, site.service))}", flush=True)
    return subprocess.run(_systemctl(word, site.service)).returncode


def start(site: KnownSite) -> int:
    """Starts its httpd, and waits until the application is loaded."""
    demand_its_own_httpd(site)
    if site.process is not None:
        raise Refusal(f"{site.name} runs already, as process {site.process}.")
    if _is_systemd_s(site):
        return _by_systemd("start", site)
    with private_folder() as folder, listening(folder) as listener, open(folder / "said", "w+b") as said:
        service = subprocess.Popen([program(), "run", site.name], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                   cwd="/", start_new_session=True,
                                   env={**os.environ, "NOTIFY_SOCKET": listener.address})
        try:
            code = _until_ready(service, listener)
        except KeyboardInterrupt:
            service.terminate()
            raise
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
        sys.stdout.flush()
        return code


def _until_ready(service: "subprocess.Popen[bytes]", listener: Listener) -> int:
    while "READY=1" not in listener.heard():
        code = service.poll()
        if code is not None:
            return code or 1
    return 0


def stop(site: KnownSite) -> int:
    """Ends its httpd: requests in progress have the time that httpd and its groups give them."""
    demand_its_own_httpd(site)
    process = site.process
    if process is None:
        raise Refusal(f"{site.name} does not run.")
    if _is_systemd_s(site):
        return _by_systemd("stop", site)
    runner = runner_of(process, site.name)
    send(process, signal.SIGWINCH)  # a graceful stop
    deadline = time.monotonic() + _END_SECONDS
    while is_alive(process) or runner and is_alive(runner):
        if time.monotonic() >= deadline:
            raise Refusal(f"Process {process} of {site.name} has not ended within {_END_SECONDS} seconds.")
        time.sleep(_TICK_SECONDS)
    print(f"{site.name} has ended.")
    return 0


def restart(site: KnownSite) -> int:
    """Its end and its start: there is a pause between, which `reload` does without."""
    demand_its_own_httpd(site)
    if _is_systemd_s(site):
        return _by_systemd("restart", site)
    return (stop(site) if site.process is not None else 0) or start(site)


def logs(site: KnownSite, lines: int, follow: bool) -> int:
    """Shows the end of its error log, and what comes."""
    file = Path(site.error_log)
    if not file.exists():
        raise Refusal(f"There is no log {file} yet.")
    tail(file, lines, follow, sys.stdout)
    return 0


def show_all() -> int:
    """A line for each site."""
    sites = known_sites()
    rows = [(site.name, site.url, _state(site), site.configuration) for site in sites]
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    for row in rows:
        print("  ".join([*(word.ljust(width) for word, width in zip(row, widths)), row[3]]))
    if not rows:
        print("There are no sites yet: `brine config --name NAME TARGET -o DIR` writes one.")
    return 0


def _state(site: KnownSite) -> str:
    process = site.process
    count = len(processes_of(process, site.name)) if process is not None else 0
    return f"{count} process{'' if count == 1 else 'es'}" if count else "does not run"


@contextmanager
def _of_its_owner(site: KnownSite) -> Iterator[None]:
    """Around what only root, and who has written the site, may do."""
    try:
        yield
    except PermissionError as error:
        if os.geteuid() in (0, site.file.stat().st_uid):
            raise
        subject = f"{error.filename}: " if error.filename is not None else ""
        raise Refusal(f"{site.name} is another user's site, and you may not do that ({subject}{error.strerror}): run "
                      f"this command as the owner of {site.file}, or as root.") from None


def operate(options: argparse.Namespace) -> int:
    """Does what one of these commands says."""
    if options.command == "sites":
        return show_all()
    site = known_site(options.site)
    with _of_its_owner(site):
        return _do(options, site)


def _do(options: argparse.Namespace, site: KnownSite) -> int:
    if options.command == "reload":
        return reloading.reload(site, options.timeout)
    if options.command == "logs":
        return logs(site, options.lines, options.follow)
    work: dict[str, Callable[[KnownSite], int]] = {"start": start, "stop": stop, "restart": restart, "run": run}
    return work[options.command](site)
