"""`brine run NAME`: a site's httpd in the foreground, for systemd or for `brine start`, which it tells how it fares."""

import os
import signal
import sys
import time

from brine.environment_file import read_environment
from brine.httpd_process import AnswerProbe, HttpdProcess
from brine.installation import find_httpd
from brine.loading import Loading
from brine.log_file import LogFile
from brine.log_record import Record, parse_httpd_s
from brine.refusal import Refusal
from brine.site import check_file
from brine.sites.known import KnownSite
from brine.sites.notify import Notifier
from brine.stop_signal import StopSignal

_TICK_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_SILENT_SECONDS = 5


def demand_its_own_httpd(site: KnownSite) -> None:
    """Refuses to start or end what is part of another server."""
    if site.kind == "vhost":
        raise Refusal(f"{site.name} is a virtual host of Debian's apache2, which starts and ends with that: "
                      f"`a2ensite {site.name}` or `a2dissite {site.name}`, then `systemctl reload apache2`.")


class _Run:
    """The time from httpd's start to its end."""

    def __init__(self, site: KnownSite, process: HttpdProcess, log: LogFile[Record], notifier: Notifier,
                 stop: StopSignal) -> None:
        self._site, self._process, self._log = site, process, log
        self._notifier, self._stop = notifier, stop
        self._loading = Loading()
        address = site.address
        self._probe = AnswerProbe(*address) if address else None
        self._log_tells = False
        self._began = time.monotonic()

    def to_its_end(self) -> int:
        try:
            why = self._begin()
            if not why:
                return self._serve()
        finally:
            if self._probe:
                self._probe.close()
        self._notifier.tell(f"STATUS={why}")
        print(f"brine: {self._site.name} does not start: {why}", file=sys.stderr, flush=True)
        self._process.terminate()
        self._await_end()
        return 1

    def _begin(self) -> str:
        """Waits until it serves; what is in the way, or nothing."""
        while not self._stop.count:
            code = self._process.exit_code()
            if code is not None:
                return self._why_httpd_ended(code)
            for record in self._log.new_records():
                self._loading.note(record)
                self._log_tells = self._log_tells or "started process" in record.text
            if self._loading.crash:
                said = f": {self._loading.why}" if self._loading.why else ""
                return f"the process that was to run it {self._loading.crash}{said}; {self._site.error_log} tells more."
            if self._loading.fails:
                return f"{self._loading.why or 'the application does not load'}. {self._site.error_log} tells more."
            if self._is_loaded():
                print(f"{self._site.name} serves at {self._site.url}", flush=True)  # before it is awaited no longer
                self._notifier.tell("READY=1", f"STATUS=Serves at {self._site.url}")
                return ""
            self._stop.wait(_TICK_SECONDS)
        return ""

    def _is_loaded(self) -> bool:
        """httpd listens before it starts the processes that load the application. Where LogLevel has it say nothing of
        these, that they are there has to do."""
        silent = not self._log_tells and time.monotonic() - self._began > _SILENT_SECONDS
        return self._loading.loaded or silent and bool(self._process.daemon_processes())

    def _answers(self) -> bool:
        return self._probe is None or self._probe.answered(_LOOK_SECONDS)

    def _why_httpd_ended(self, code: int) -> str:
        said = (self._site.folders.runtime / "messages").read_text(errors="replace").strip()
        how = f"httpd ended by {signal.Signals(-code).name}" if code < 0 else f"httpd ended with exit code {code}"
        return f"{how}: {said}" if said else f"{how}; {self._site.error_log} tells more."

    def _serve(self) -> int:
        """Until a signal comes, or httpd ends: by itself, or because somebody has told it to."""
        while not self._stop.wait(_LOOK_SECONDS):
            code = self._process.exit_code()
            if code is not None:
                if code:
                    print(f"brine: {self._site.name}: {self._why_httpd_ended(code)}", file=sys.stderr, flush=True)
                return int(code != 0)
            if self._notifier.sign_is_due() and self._answers():
                self._notifier.tell_of_life()
        self._notifier.tell("STOPPING=1")
        self._process.drain()
        self._await_end()
        return 0

    def _await_end(self) -> None:
        """Who has started this command decides how long it may take."""
        while not self._process.wait(_LOOK_SECONDS) and self._stop.count < 2:
            pass


def run(site: KnownSite) -> int:
    """Serves the site until it is told to end. Gives the command's exit code."""
    demand_its_own_httpd(site)
    if site.process is not None:
        raise Refusal(f"{site.name} runs already, as process {site.process}.")
    for file in site.environment:
        os.environ.update(read_environment(check_file("--env", file)))
    site.make_folders()
    site.folders.pid_file.unlink(missing_ok=True)  # of the past: httpd would take another program's process for its own
    log = LogFile(site.folders.error_log, parse_httpd_s)
    log.skip()
    with StopSignal() as stop:
        notifier = Notifier()
        process = HttpdProcess(find_httpd().program, check_file("the site", site.configuration),
                               site.folders.runtime / "messages")
        try:
            site.note_configuration_taken(time.time())
            return _Run(site, process, log, notifier, stop).to_its_end()
        finally:
            process.kill_remains()
            if site.process == process.pid or site.process is None:  # and not another one's, which was started since
                site.folders.pid_file.unlink(missing_ok=True)
