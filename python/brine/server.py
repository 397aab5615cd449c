"""`brine serve`: one run of httpd from its configuration to the removal of the last trace of it."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from brine import access_record, log_record
from brine.config import drain_seconds, render
from brine.httpd_process import AnswerProbe, HttpdProcess
from brine.installation import Brine, Httpd
from brine.loading import Loading
from brine.log_file import LogFile
from brine.json_view import JsonView
from brine.log_view import LogView, use_colours
from brine.made_files import make_certificate
from brine.private_folder import private_folder
from brine.replacement import Replacement
from brine.refusal import Refusal
from brine.server_user import ServerUser
from brine.site import STATUS_URLS, Site
from brine.sites.folders import all_in
from brine.stop_signal import StopSignal
from brine.watcher import Watcher

_TICK_SECONDS = 0.1
_PATIENCE_SECONDS = 15
_LONG_LOADING_SECONDS = 5
_QUIET_END_SECONDS = 1.5
_NOT_FREE = "AH00072: make_sock: could not bind"


class PortTaken(Refusal):
    """Between the look for a free port and httpd's start somebody else has taken it."""


class Server:
    """A site that is being served."""

    def __init__(self, site: Site, folder: Path, process: HttpdProcess, watcher: Watcher | None, stop: StopSignal,
                 output: TextIO) -> None:
        self._site = site
        self._messages = folder / "messages"
        self._process = process
        self._watcher = watcher
        self._stop = stop
        self._log = LogFile(folder / "error.log", log_record.parse)
        self._requests = LogFile(folder / "requests.log", access_record.parse)
        self._loading = Loading()
        self._replacement = Replacement(process)
        self._unshown: list[log_record.Record] = []
        self._loads_long = False
        self._view: JsonView | LogView = (
            JsonView(output) if site.log_format == "json" else LogView(output, use_colours(output)))

    def run(self) -> int:
        """Serves until a signal comes: 0, or 1 if the script has not loaded in all that time; or until httpd ends
        by itself, the script does not load at the start or its processes crash there: 1. With --reload a script that
        does not load may yet be mended."""
        serves = self._wait_until_it_answers()
        if serves:
            self._view.say(f"Serving {self._site.subject} (Ctrl-C ends it) at\n{self._site.url}")
            if self._site.status:
                self._view.say(f"Status at\n{self._site.origin}{STATUS_URLS[0]}")
            self._follow()
        code = self._process.exit_code()
        if code is not None and _NOT_FREE in self._said():
            raise PortTaken(f"Port {self._site.port} was free, and somebody else was quicker: {self._said()}")
        if code is not None:
            self._explain(code)
            return 1
        self._end(serves and not self._loading.crash)
        if self._loading.crash:
            self._view.say(f"brine: the process that was to run {self._site.subject} {self._loading.crash}, and the "
                           "next one would, too: the lines above tell how.")
            return 1
        if self._loading.fails:
            root = self._loading.why
            why = f"{root}. The lines above tell more." if root else "the lines above tell why."
            self._view.say(f"brine: {self._site.subject} has never loaded: {why}")
            return 1
        if self._loads_long and not self._loading.settled:
            self._view.say(f"brine: {self._site.subject} has not come to the end of its loading.")
            return 1
        return 0

    def _show_log(self) -> None:
        """Where the script does not load, the exception that all others come from is said first."""
        failed = self._loading.failed
        self._unshown += [record for record in self._log.new_records() if self._loading.note(record)]
        if self._loading.fails and not failed and self._loading.why:
            self._view.say(f"brine: {self._site.subject} does not load: {self._loading.why}")
        if not self._loading.is_told_why or self._loading.settled or not self._running():
            self._view.show(self._unshown)
            self._unshown = []
        self._view.show_requests([request for request in self._requests.new_records() if request])

    def _running(self) -> bool:
        given_up = self._loading.fails and not self._site.reload
        return self._process.exit_code() is None and not self._loading.crash and not given_up

    def _wait_until_it_answers(self) -> bool:
        """Shows the log meanwhile: a script that does not load is seen before the URL."""
        begin = time.monotonic()
        probe = AnswerProbe(self._site.host, self._site.port, tls=self._site.tls is not None)
        answered = False
        try:
            while self._running() and not self._stop.count:
                answered = answered or probe.answered()
                self._show_log()
                if not self._running():
                    break
                if answered and self._loading.settled:
                    return True
                if not self._loads_long and answered and time.monotonic() - begin >= _LONG_LOADING_SECONDS:
                    self._loads_long = True
                    self._view.say(f"{self._site.subject} is still being loaded. (Ctrl-C ends it.)")
                self._replace_if_changed()
                self._stop.wait(_TICK_SECONDS)
        finally:
            probe.close()
        return False

    def _follow(self) -> None:
        renewals = self._stop.renewals
        while self._running() and not self._stop.wait(_TICK_SECONDS):
            self._show_log()
            self._replace_if_changed()
            if self._stop.renewals != renewals:
                renewals = self._stop.renewals
                self._process.renew()

    def _replace_if_changed(self) -> None:
        changed = self._watcher.changed() if self._watcher and self._watcher.due() else []
        if changed:
            names = ", ".join(os.path.relpath(path, self._site.application.import_root) for path in changed[:3])
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            self._view.say(f"Changed: {names}{more}. Loading the script anew.")
            self._loading.let_go(self._replacement.begin())
        self._replacement.tend()

    def _said(self) -> str:
        """What httpd said before it had its log."""
        return self._messages.read_text(errors="replace").strip()

    def _explain(self, code: int) -> None:
        """httpd has ended by itself: what it said, before it had its log and in it."""
        self._show_log()
        said = self._said()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        self._view.say(f"brine: httpd ended by itself, {how}{':' if said else '.'}")
        for line in said.splitlines():
            self._view.say(f"    {line}")

    def _end(self, drains: bool) -> None:
        """Gives the requests in progress their time, and httpd some more to end, unless a second signal comes."""
        most, began = 2 if self._stop.count else 1, time.monotonic()
        drained = drain_seconds(self._site) if drains else 0
        told, cut = not drains, False
        if drains:
            self._process.drain()
        else:
            self._process.terminate()
        while time.monotonic() - began < drained + _PATIENCE_SECONDS and self._stop.count < most:
            ended = self._process.wait(_TICK_SECONDS)
            self._show_log()
            if ended:
                return
            if drains and self._process.has_drained():
                drains = False
                self._process.terminate()
            if drained and not cut and time.monotonic() - began >= drained + _QUIET_END_SECONDS:
                cut = True
                self._process.cut_clients_off()
            if not told and time.monotonic() - began >= _QUIET_END_SECONDS:
                told = True
                self._view.say(f"Requests in progress have {drained} s to come to their end. (Ctrl-C ends them.)")


def serve(site: Site, httpd: Httpd, brine: Brine, user: ServerUser | None, output: TextIO | None = None) -> int:
    """Serves the site in the foreground; returns the command's exit code."""
    with StopSignal() as stop, private_folder() as folder:
        configuration = folder / "httpd.conf"
        if site.makes_certificate:
            site = replace(site, tls=make_certificate(folder, site.hosts))
        text = render(site, httpd, brine, all_in(folder), user, log_record.FORMAT)
        configuration.write_bytes(os.fsencode(text))
        # Before httpd starts: a change while it does is seen then.
        watcher = Watcher(site.application.import_root, site.application.script) if site.reload else None
        process = HttpdProcess(httpd.program, configuration, folder / "messages")
        try:
            if watcher:
                watcher.listen()
            return Server(site, folder, process, watcher, stop, output or sys.stdout).run()
        finally:
            process.kill_remains()
            if watcher:
                watcher.close()
