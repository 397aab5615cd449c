"""`brine reload NAME`: new processes, which take over when they are ready; else those that serve go on."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from brine.httpd_process import send
from brine.installation import find_httpd
from brine.loading import Loading, process_of
from brine.log_file import LogFile
from brine.log_record import Record, parse_httpd_s
from brine.refusal import Refusal
from brine.sites.known import KnownSite
from brine.sites.processes import is_alive, processes_of

_TICK_SECONDS = 0.1

# That new code does not serve: it does not load, or defines no application.
_FAILURES = {"BRINE0304", "BRINE0305", "BRINE0614"}
_LOADED = re.compile(r"loaded WSGI script .*\(process (\d+)\)$")
_FORKED = re.compile(r"started (template )?process (\d+) of daemon group ")
_ENDED = re.compile(r"BRINE0610: process (\d+) of daemon group ")
_GROUP = re.compile(r" of daemon group '([^']*)'")


class Progress:
    """What the log and the system tell of the new processes."""

    def __init__(self, site: KnownSite, httpd: int, old: set[int], earlier: "Progress | None" = None) -> None:
        """`old`: the processes that are to be replaced; `earlier`: how these have come, in the place of others of which
        some may have requests yet."""
        self._site, self._httpd, self._old = site, httpd, old
        self._past: set[int] = old | earlier._past if earlier else old
        self._loads_are_logged = earlier is not None and earlier.ready > 0
        self._log: LogFile[Record] = LogFile(Path(site.error_log), parse_httpd_s)
        self._log.skip()
        self._loading = Loading()
        self._names = set(map(str, self._past))
        self._is_of_old = False
        self._loads: dict[str, int] = {}
        self._starts_are_logged = False
        self._seen: set[int] = set()
        self._settled: set[int] = set()  # seen by the look before: what the log tells of a start is there
        self._template = ""
        self._died = ""
        self.failed = False

    @property
    def ready(self) -> int:
        """How many new processes have all scripts. Other groups, which have the same log, load theirs, too."""
        return sum(self._loads.get(str(process), 0) >= len(self._site.scripts) for process in self.started
                   if str(process) != self._template)

    @property
    def replaced(self) -> int:
        """How many old processes have ended, and left it to new ones: all that can be seen where the log tells of no
        loads. The new ones may be fewer, since an old one may have been there only to try code that did not load. When
        httpd reads its configuration, old ones end before the new are ready."""
        if self._loads_are_logged and self._starts_are_logged:
            return 0
        return sum(not is_alive(process) for process in self._old) if self._settled else 0

    @property
    def still(self) -> int:
        """How many processes with old code there are yet."""
        return sum(map(is_alive, self._past))

    @property
    def started(self) -> set[int]:
        """The new processes that there are."""
        return processes_of(self._httpd, self._site.name) - self._past

    @property
    def why(self) -> str:
        """What keeps the new code from serving."""
        if not is_alive(self._httpd):
            return f"httpd, process {self._httpd}, has ended"
        if self._died and not self._loading.why:
            return f"process {self._died} ended while it loaded the application"
        return self._loading.why or "the application does not load"

    def look(self) -> None:
        """Takes in what has come since the last look."""
        self.failed = self.failed or not is_alive(self._httpd)
        self._settled, self._seen = self._seen & self.started, self.started
        for record in self._log.new_records():
            loaded, ended = _LOADED.search(record.text), _ENDED.match(record.text)
            found = loaded or ended
            name = found[1] if found else process_of(record)
            # An old process may have begun with code that has been mended since.
            self._is_of_old = self._is_of_old if record.continued else name in self._names
            group = _GROUP.search(record.text)
            if self._is_of_old or group and group[1] != self._site.name:
                continue
            self._loading.note(record)
            if loaded:
                self._loads[name] = self._loads.get(name, 0) + 1
            elif forked := _FORKED.match(record.text):
                self._note_start(forked[2], is_template=bool(forked[1]))
            elif ended and self._loads.get(name, 0) < len(self._site.scripts):
                self._died, self.failed = name, True
            elif record.code in _FAILURES:
                self.failed = True

    def _note_start(self, name: str, is_template: bool) -> None:
        """A process has been started; where a template has been, it was forked from that, with all that is loaded
        there."""
        self._starts_are_logged = True
        if is_template:
            self._template = name
        elif self._template:
            self._loads[name] = self._loads.get(self._template, 0)


def _wait(progress: Progress, wanted: int, say: Callable[[str], None], deadline: float) -> str:
    """Waits until so many new processes are ready, or have taken the places of old ones; why not, or nothing."""
    shown = -1
    while time.monotonic() < deadline:
        progress.look()
        if progress.failed:
            return progress.why
        ready = max(progress.ready, progress.replaced)
        if ready > shown:
            say(f"{min(ready, wanted)} of {wanted} new processes ready")
            shown = ready
        if ready >= wanted:
            return ""
        time.sleep(_TICK_SECONDS)
    return "the new processes are not ready in time: --timeout gives them more"


def _checked_configuration(site: KnownSite) -> None:
    done = subprocess.run([find_httpd().program, "-t", "-f", site.configuration], capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"{site.configuration} is refused by httpd, and {site.name} goes on as it is: "
                      f"{done.stderr.strip()}")


def reload(site: KnownSite, seconds: float) -> int:
    """New processes, and a new configuration where the file has changed. 1: it does not load, and the old goes on."""
    httpd = site.process
    if httpd is None:
        raise Refusal(f"{site.name} does not run: start it, by `systemctl start {site.service}`"
                      + ("." if site.kind == "vhost" else f" or `brine start {site.name}`."))
    changed = site.configuration_has_changed
    if changed:
        _checked_configuration(site)
    old = processes_of(httpd, site.name)
    if not old:
        raise Refusal(f"httpd, process {httpd}, has no processes of the group {site.name}: is the site enabled, has "
                      f"WSGIDaemonProcess {site.name} its display-name=%{{GROUP}}?")
    begin = time.monotonic()

    def say(text: str) -> None:
        print(f"{site.name}: {text} ({time.monotonic() - begin:.1f} s)", flush=True)

    progress = Progress(site, httpd, old)
    for process in old:
        _tell(process)
    why = _wait(progress, len(old), say, begin + seconds)
    if why:
        print(f"brine: {site.name} goes on with its old code, since the new code does not serve: {why}. "
              f"`brine logs {site.name}` tells more; Brine tries again by itself when the script's file changes, and "
              "from time to time.", flush=True)
        return 1
    if changed:
        say("the code loads; taking the changed configuration")
        progress = Progress(site, httpd, progress.started, progress)
        site.note_configuration_taken(time.time())
        _tell(httpd)
        why = _wait(progress, 1, say, begin + seconds)
    if why:
        print(f"brine: {site.name} has taken the changed configuration, and does not serve by it: {why}. "
              f"`brine logs {site.name}` tells more. Mend that, then `brine restart {site.name}`.", flush=True)
        return 1
    still = progress.still
    say("reloaded" + (f"; {still} old processes end the requests that they have" if still else ""))
    return 0


def _tell(process: int) -> None:
    try:
        send(process, signal.SIGUSR1)
    except PermissionError:
        raise Refusal(f"Process {process} is not yours: run this command as root, or as the user who has started "
                      "it.") from None
