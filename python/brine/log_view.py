"""The error log for a person: time, level and message; an event's further lines below its first."""

import os
from dataclasses import dataclass, field
from typing import TextIO

from brine.access_record import Request
from brine.log_record import Record

_COLOURS = {"emerg": "31;1", "alert": "31;1", "crit": "31;1", "error": "31", "warn": "33", "info": "2",
            "debug": "2"}
_WIDTH = len("12:34:56 notice ")
# Lines without a code (a traceback printed to stderr) belong together if a thread writes them this close.
_SAME_EVENT_SECONDS = 0.02


def _seconds(record: Record) -> float:
    hours, minutes, seconds = record.time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _follows(record: Record, last: Record) -> bool:
    """Whether a record goes on with the event of an earlier one."""
    if record.source != last.source or not record.source:
        return False
    if record.code or last.code:
        return record.continued and record.code == last.code
    return record.level == last.level and 0 <= _seconds(record) - _seconds(last) < _SAME_EVENT_SECONDS


def group(records: list[Record]) -> list[list[Record]]:
    """Records as events, in the order of their first lines: threads that log at the same time mix
    their lines in the log."""
    events: list[list[Record]] = []
    latest: dict[str, list[Record]] = {}
    for record in records:
        event = latest.get(record.source)
        if event and _follows(record, event[-1]):
            event.append(record)
        else:
            latest[record.source] = [record]
            events.append(latest[record.source])
    return events


def use_colours(stream: TextIO) -> bool:
    """Colours are for terminals, and not for those who set NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@dataclass
class LogView:
    """Writes records to a stream, for a person."""

    stream: TextIO
    colours: bool = False
    _last: Record | None = field(default=None, init=False)

    def say(self, text: str) -> None:
        """Shows what the command itself has to say."""
        print(text, file=self.stream, flush=True)
        self._last = None

    def show_requests(self, requests: list[Request]) -> None:
        """Shows requests that have been answered, a line each."""
        for request in requests:
            self.say(request.line(self.colours))

    def show(self, records: list[Record]) -> None:
        """Shows what has come since the last call."""
        for event in group([record for record in records if not record.routine]):
            self._show_event(event)
        self.stream.flush()

    def _show_event(self, event: list[Record]) -> None:
        first, rest = event[0], event
        if not (self._last and _follows(first, self._last)):
            print(self._head(first), file=self.stream)
            rest = event[1:]
        for record in rest:
            print(f"{'':{_WIDTH}}{record.text}".rstrip(), file=self.stream)
        self._last = event[-1]

    def _head(self, record: Record) -> str:
        if not record.time:
            return record.text
        level, colour = f"{record.level:6}", _COLOURS.get(record.level)
        if self.colours and colour:
            level = f"\x1b[{colour}m{level}\x1b[0m"
        return f"{record.time[:8]} {level} {record.text}"
