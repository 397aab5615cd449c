"""The logs for a program: one JSON object a line."""

import json
from dataclasses import dataclass
from typing import TextIO

from brine.access_record import Request
from brine.log_record import Record
from brine.log_view import group


@dataclass
class JsonView:
    """Writes records to a stream. The keys of an event are time, level, code and message; of a request, time, method,
    url, status, seconds and bytes; of what the command says, message."""

    stream: TextIO

    def say(self, text: str) -> None:
        """Shows what the command itself has to say."""
        self._write({"message": text})

    def show_requests(self, requests: list[Request]) -> None:
        """Shows requests that have been answered."""
        for request in requests:
            print(request.json(), file=self.stream, flush=True)

    def show(self, records: list[Record]) -> None:
        """Shows what has come since the last call. The lines of one event are one message."""
        for event in group([record for record in records if not record.routine]):
            first = event[0]
            fields = {"time": first.time, "level": first.level, "code": first.code,
                      "message": "\n".join(record.text for record in event)}
            self._write({name: value for name, value in fields.items() if value})

    def _write(self, fields: dict[str, str]) -> None:
        print(json.dumps(fields, ensure_ascii=False), file=self.stream, flush=True)
