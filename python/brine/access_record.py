"""One line of the access log that `brine serve` has httpd write for the terminal, and what it says."""

import json
from dataclasses import dataclass

from brine.log_record import printable, unescape

# Time, status, microseconds, bytes of the body, method and URL, which httpd escapes.
FORMAT = "%{%H:%M:%S}t|%>s|%D|%B|%m|%U%q"

_COLOURS = {"2": "32", "3": "36", "4": "33", "5": "31"}


@dataclass(frozen=True)
class Request:
    """A request that has been answered, as a person may see it: no character in it acts upon a terminal."""

    time: str
    status: str
    seconds: float
    size: int
    method: str
    url: str

    def line(self, colours: bool) -> str:
        """For a terminal."""
        status = f"{self.status:6}"
        if colours and self.status[0] in _COLOURS:
            status = f"\x1b[{_COLOURS[self.status[0]]}m{status}\x1b[0m"
        return f"{self.time} {status} {self.method} {self.url}  {_duration(self.seconds)}  {self.size} B"

    def json(self) -> str:
        """For a program."""
        return json.dumps({"time": self.time, "status": int(self.status), "seconds": self.seconds,
                           "bytes": self.size, "method": self.method, "url": self.url}, ensure_ascii=False)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def parse(line: bytes) -> Request | None:
    """A line without its newline; None for one that is not in FORMAT, and for `OPTIONS *`, by which the command asks
    whether httpd is there."""
    fields = line.decode(errors="replace").split("|", 5)
    if len(fields) < 6 or not all(field.isdigit() for field in fields[1:4]) or fields[5] == "*":
        return None
    time, status, microseconds, size, method, url = fields
    return Request(time, status, int(microseconds) / 1e6, int(size), printable(unescape(method)),
                   printable(unescape(url)))
