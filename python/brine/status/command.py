"""The commands `status` and `top`."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brine.installation import version
from brine.refusal import Refusal
from brine.status.frame import frame, is_well
from brine.status.source import DEFAULT_URL, Snapshot, ask, url_of, url_of_process

TEXTS = {
    "status": ("say how a running server does",
               "Say how a running server does: groups, what runs now, what happened lately."),
    "top": ("show what a running server does, again and again",
            "Show what a running server does, again and again: groups with their rates, what runs now, what happened\n"
            "lately. q ends it. Into a pipe it writes once."),
}
_SERVER = """\
the server:
  It needs a <Location "/brine-status"> with SetHandler brine-status, which this machine may see: conf/status.conf.
"""
_EXIT_STATUS = """
exit status:
  0 each daemon process group can serve; 1 one cannot; 2 the server could not be asked.
"""


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 3600")
    return seconds


def _pid(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f"{text!r} is no process id")
    return int(text)


def add_parsers(commands: "argparse._SubParsersAction[Any]") -> None:
    for name, (summary, description) in TEXTS.items():
        epilog = _SERVER + (_EXIT_STATUS if name == "status" else "")
        command = commands.add_parser(name, help=summary, description=description, epilog=epilog,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        command.add_argument("url", nargs="?", metavar="URL",
                             help=f"where the server shows its status, or a host and port (default: {DEFAULT_URL})")
        command.add_argument("--pid", type=_pid, metavar="PID", help="the httpd of this process id, on this machine")
        if name == "status":
            command.add_argument("--json", action="store_true",
                                 help="write what the server says, as docs/status.schema.json has it")
        else:
            command.add_argument("--interval", type=_interval, default=2.0, metavar="SECONDS",
                                 help="from one look to the next (default: 2)")


def _url(options: argparse.Namespace) -> str:
    if options.pid is None:
        return url_of(options.url or DEFAULT_URL)
    if options.url is not None:
        raise Refusal("URL and --pid both name a server: give one of them.")
    return url_of_process(options.pid)


@contextmanager
def _understanding(url: str) -> Iterator[None]:
    """Around what makes something of a server's answer, which may be of another version, or of something else."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError):
        raise Refusal(f"{url} answers a status that the command of Brine {version()} does not understand: take that of "
                      "the server's version.") from None


def _framed(url: str, shown: Snapshot, before: Snapshot | None) -> list[str]:
    with _understanding(url):
        return frame(shown, before)


class _Looks:
    """Asks, and keeps the last answer, for rates."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.last: Snapshot | None = None

    def lines(self) -> list[str]:
        """A frame; the server may be away for a while."""
        try:
            shown = ask(self.url)
            before, self.last = self.last, shown
            return _framed(self.url, shown, before)
        except Refusal as refusal:
            return [str(refusal)]


def _top(url: str, interval: float) -> int:
    if sys.stdin.isatty() and sys.stdout.isatty():
        from brine.status.screen import show
        show(_Looks(url).lines, interval)
        return 0
    before = ask(url)
    time.sleep(interval)
    print("\n".join(_framed(url, ask(url), before)))
    return 0


def run(options: argparse.Namespace) -> int:
    url = _url(options)
    if options.command == "top":
        return _top(url, options.interval)
    shown = ask(url)
    print(json.dumps(shown, indent=2) if options.json else "\n".join(_framed(url, shown, None)))
    with _understanding(url):
        return 0 if is_well(shown) else 1
